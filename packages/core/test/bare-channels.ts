import { guestMemory } from '@vmbus/hypervisor'
import { createChannel } from '../src/channel/index.ts'

const PAGES = [1, 2, 3, 4, 5]

/** Both ends of a channel over two rings of five pages. */
export function channels(trace?: () => void) {
  const options = {
    memory: guestMemory(64 * 4096),
    pfns: [...PAGES, ...PAGES.map((page) => page + 8)],
    downstreamOffset: PAGES.length,
    targetVp: 0,
    userData: new Uint8Array(120),
    signal: () => {},
    gpadl: () => undefined,
    offer: {
      interfaceId: '',
      instanceId: '',
      flags: 0,
      mmioMegabytes: 0,
      userDefined: new Uint8Array(120),
      subchannelIndex: 0,
      relid: 1,
      monitorId: 0xff,
      monitorAllocated: false,
      dedicatedInterrupt: true,
      connectionId: 1,
    },
  }
  const guest = createChannel({ ...options, role: 'guest' })
  return { guest, host: createChannel({ ...options, role: 'host', ...(trace && { trace }) }) }
}
