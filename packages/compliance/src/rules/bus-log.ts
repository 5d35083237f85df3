import type { Channel, Grant, Judge } from './bus-state.ts'

/** What the two ends of a bus have said so far, as both have heard it. */
export interface BusLog extends Judge {
  /** The rule could have been broken here; it was unless `kept`. */
  check(rule: string, kept: boolean, how: () => string): void
  readonly channels: Map<number, Channel>
  readonly grants: Map<number, Grant>
  /** Versions that the host has refused since it accepted one. */
  readonly refused: Set<number>
  /** Interfaces of channels that the host has accepted. */
  readonly opened: Set<string>
  /** In force, 0 without one. */
  version: number
  /** Of the last contact. */
  asked: number
  /** Contacts and unloads without answer. */
  contacts: number
  unloads: number
  /** 1 after the request, 2 after the host has said that there are no more. */
  offerRequests: number
  /** The guest has said something. */
  greeted: boolean
  /** UNLOAD was answered. */
  left: boolean
}

export type Handlers = Readonly<Record<number, (bytes: Uint8Array) => void>>

export function busLog({ exercised, broken }: Judge): BusLog {
  return {
    exercised,
    broken,
    check(rule, kept, how) {
      exercised(rule)
      if (!kept) broken(rule, how())
    },
    channels: new Map(),
    grants: new Map(),
    refused: new Set(),
    opened: new Set(),
    version: 0,
    asked: 0,
    contacts: 0,
    unloads: 0,
    offerRequests: 0,
    greeted: false,
    left: false,
  }
}

/** A contact begins anew. */
export function forget(ctx: BusLog): void {
  ctx.channels.clear()
  ctx.grants.clear()
  ctx.offerRequests = 0
}
