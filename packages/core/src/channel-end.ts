export { createChannel as openEnd, type ChannelEnd, type ChannelOptions as ChannelEndOptions } from './channel/index.ts'
export { createGrant } from './gpadl/index.ts'
