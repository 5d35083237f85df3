export { createChannel as openEnd, type ChannelEnd } from './channel/index.ts'
export { createGrant } from './gpadl/index.ts'
