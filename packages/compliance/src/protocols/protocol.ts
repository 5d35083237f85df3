import { ruleTable, type Rule } from '../rules/rule.ts'

/** A packet of a device's channel, as the host recorded it. */
export interface SeenPacket {
  readonly to: 'host' | 'guest'
  /** Packet type: 6 in-band, 7 transfer pages, 9 GPA-direct, 11 completion (wire/03 §3). */
  readonly type: number
  readonly wantsCompletion: boolean
  readonly transaction: bigint
  /** Index of the channel, 0 the primary. */
  readonly subchannel: number
  /** The payload; header and ranges are before `view.byteOffset` of the same buffer. */
  readonly view: DataView
  /** The packet from its descriptor on. */
  readonly packet: DataView
}

/** What a session tells, and what it may ask. */
export interface Watch {
  /** The rule could have been broken here; it was unless `kept`. */
  check(rule: string, kept: boolean, how: () => string): void
  /** Something that has to follow within so many seconds. A second one under the key replaces the first. */
  expect(rule: string, key: string, seconds: number, how: string): void
  /** It came: false when nobody expected it. */
  met(key: string): boolean
  /** It need not come any more. */
  forget(key: string): void
  /** The main exchange has happened: the host began it, the guest took its part. */
  served(by: 'host' | 'guest'): void
  /** 100 ns. */
  readonly now: number
  /** Bytes of a GPADL that was created, undefined without one. */
  grantBytes(gpadl: number): number | undefined
  /** Subchannels that are offered. */
  readonly subchannels: number
}

/** Follows one device from OPENCHANNEL of its primary to its end. */
export interface Session {
  packet(packet: SeenPacket): void
  /** RNDIS or disk bytes that the packet before named. */
  transfer?(to: 'host' | 'guest', bytes: Uint8Array): void
  /** A channel message went by: subchannels may have come. */
  message?(): void
  /** The guest closes the primary channel. */
  closing?(): void
}

/** The rules of one device's protocol. */
export interface Protocol {
  readonly kind: string
  readonly interfaceIds: readonly string[]
  /** What a driver owes its host. */
  readonly guest: readonly Rule[]
  /** What the device owes a correct driver. */
  readonly host: readonly Rule[]
  session(watch: Watch): Session
}

type Rows<Id extends string> = Readonly<Record<Id, readonly [text: string, source: string]>>

/** A protocol with the two rules that every one has: the main exchange happens, and nothing is refused. */
export function protocol<G extends string, H extends string>(given: {
  readonly kind: string
  readonly interfaceIds: readonly string[]
  /** What the device is for: ends the sentence "In an undisturbed life …". */
  readonly serves: string
  readonly guest: Rows<G>
  readonly host: Rows<H>
  readonly session: (watch: Watch) => Session
}): Protocol {
  const { kind, interfaceIds, serves, session } = given
  const common = (end: 'guest' | 'host', other: string) => ({
    [`${end}-${kind}-serves`]: [
      `In an undisturbed life ${serves}.`,
      `packages/${kind}: what the device is for`,
    ] as const,
    [`${end}-${kind}-accepted`]: [
      `The ${other} refuses nothing of what the ${end} says.`,
      `packages/${kind}: what it diagnoses of its peer`,
    ] as const,
  })
  return {
    kind,
    interfaceIds,
    guest: ruleTable({ ...common('guest', 'host'), ...given.guest }).all,
    host: ruleTable({ ...common('host', 'guest'), ...given.host }).all,
    session,
  }
}

export const hex = (value: number): string => `0x${value.toString(16)}`
