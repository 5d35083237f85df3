import { balloon } from '@vmbus/balloon'
import type { HostDeviceSpec } from '@vmbus/core'
import { createVhdx, memoryStore } from '@vmbus/disk'
import { fcopy } from '@vmbus/fcopy'
import { heartbeat } from '@vmbus/heartbeat'
import { kvp } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { storvsc } from '@vmbus/storvsc'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import type { Ends, OurEnd } from '../probes/ends.ts'
import type { Medium, StagePort } from '../probes/stage.ts'
import type { HostLan } from './lan.ts'
import { lazy } from './lazy.ts'

/** What the host ends of a stage use. */
export interface Backends {
  lan(): HostLan
  medium(end: 'storvsc' | 'fc'): Medium
  /** Files that can be copied to the guest. */
  readonly provided: Map<string, Uint8Array>
  snapshot(): boolean | 'later'
}

/** Bytes of the disk; another number for Fibre Channel, so that the two can be told apart. */
const DISK_BYTES = { storvsc: 64 << 20, fc: 48 << 20 } as const

export function newMedium(end: keyof typeof DISK_BYTES): Medium {
  const store = memoryStore()
  const identity = new Uint8Array(16).fill(end === 'fc' ? 2 : 1)
  return {
    store,
    disk: createVhdx(store, { size: DISK_BYTES[end], identity }),
    get allocated() {
      return Number(store.inspect()['allocated'])
    },
  }
}

/** Microsoft's prefix, and an adapter's own number: not the default, so that a guest cannot know it. */
export const FABRIC: StagePort = { port: 'c003ff1122334455', node: 'c003ff112233ffff' }
const wwn = {
  port: Uint8Array.of(0xc0, 0x03, 0xff, 0x11, 0x22, 0x33, 0x44, 0x55),
  node: Uint8Array.of(0xc0, 0x03, 0xff, 0x11, 0x22, 0x33, 0xff, 0xff),
}

const MAC = '00:15:5d:00:00:01'

function read(contents: Uint8Array | undefined, offset: number, into: Uint8Array): boolean {
  if (contents === undefined || offset + into.length > contents.length) return false
  into.set(contents.subarray(offset, offset + into.length))
  return true
}

/** What a host offers as each end, made when it is first asked for and the same from then on. */
export type EndSpecs = { readonly [E in OurEnd]: () => HostDeviceSpec<unknown, Ends[E]> }

export const endSpecs = (backends: Backends): EndSpecs => ({
  heartbeat: lazy(() => heartbeat({})),
  timesync: lazy(() => timesync({})),
  shutdown: lazy(() => shutdown({})),
  kvp: lazy(() => kvp({})),
  vss: lazy(() => vss({ snapshot: () => backends.snapshot() })),
  fcopy: lazy(() => {
    const { provided } = backends
    return fcopy({ source: { read: (source, offset, into) => read(provided.get(source), offset, into) } })
  }),
  netvsc: lazy(() => {
    const lan = backends.lan()
    return netvsc({ switch: lan.switch, mac: MAC, vfReceive: (frame) => lan.virtualFunction.deliver(frame) })
  }),
  storvsc: lazy(() => storvsc({ luns: [backends.medium('storvsc').disk] })),
  fc: lazy(() => storvsc({ controller: 'fc', wwn, luns: [backends.medium('fc').disk] })),
  balloon: lazy(() => balloon({})),
})
