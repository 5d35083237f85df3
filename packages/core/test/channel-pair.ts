import { guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import type { Diagnostic } from '@vmbus/world'
import { createChannel, type ChannelEnd, type ChannelOptions, type Gpadl, type Offer } from '../src/index.ts'

export const OFFER: Offer = {
  interfaceId: 'f8615163-df3e-46c5-913f-f2d2f965ed0e',
  instanceId: '00000000-0000-0000-0000-000000000001',
  flags: 0,
  mmioMegabytes: 0,
  userDefined: new Uint8Array(120),
  subchannelIndex: 0,
  relid: 5,
  monitorId: 0xff,
  monitorAllocated: false,
  dedicatedInterrupt: true,
  connectionId: 0x2005,
}

export interface Pair {
  readonly memory: GuestMemory
  readonly guest: ChannelEnd
  readonly host: ChannelEnd
  /** Signals so far, by who sent them. */
  readonly signals: { guest: number; host: number }
  /** `due` calls so far. */
  readonly due: { guest: number; host: number }
  readonly diagnostics: Diagnostic[]
  readonly pfns: readonly number[]
}

export interface PairOptions {
  readonly memory?: GuestMemory
  /** Guest→host pages, then host→guest pages. */
  readonly toHost?: readonly number[]
  readonly toGuest?: readonly number[]
  readonly guest?: Partial<ChannelOptions>
  readonly host?: Partial<ChannelOptions>
  readonly gpadl?: (id: number) => Gpadl | undefined
}

/** Both ends of one channel over the same memory, the guest's made first as when a channel is opened. */
export function channelPair(options: PairOptions = {}): Pair {
  const memory = options.memory ?? guestMemory(32 * 4096)
  const toHost = options.toHost ?? [1, 2, 3]
  const toGuest = options.toGuest ?? [4, 5, 6]
  const pfns = [...toHost, ...toGuest]
  const signals = { guest: 0, host: 0 }
  const due = { guest: 0, host: 0 }
  const diagnostics: Diagnostic[] = []
  const shared = {
    memory,
    offer: OFFER,
    pfns,
    downstreamOffset: toHost.length,
    targetVp: 0,
    userData: new Uint8Array(120),
    gpadl: options.gpadl ?? (() => undefined),
    diagnose: (diagnostic: Diagnostic) => void diagnostics.push(diagnostic),
  }
  const guest = createChannel({
    ...shared,
    role: 'guest',
    signal: () => signals.guest++,
    due: () => due.guest++,
    ...options.guest,
  })
  const host = createChannel({
    ...shared,
    role: 'host',
    signal: () => signals.host++,
    due: () => due.host++,
    ...options.host,
  })
  return { memory, guest, host, signals, due, diagnostics, pfns }
}

/** Bytes in hex, groups of any length. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}
