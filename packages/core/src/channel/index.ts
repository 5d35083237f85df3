export { createChannel } from './channel.ts'
export { checkChannelState } from './state.ts'
export { MAX_PIPE_DATA, PipePacketType, pipeDataEnd, pipeHeader } from './pipe.ts'
export { Due, type ChannelEnd, type ChannelFault, type ChannelOptions } from './types.ts'
