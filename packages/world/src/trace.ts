/**
 * What crosses the boundary between guest and host, as it happens. Bytes belong to the sender and may be reused
 * after the call: a sink that keeps them copies them.
 */
export type TraceEvent =
  | { readonly kind: 'hypercall'; readonly vp: number; readonly code: number; readonly status: number }
  | {
      readonly kind: 'msr'
      readonly vp: number
      readonly msr: number
      readonly write: boolean
      readonly lo: number
      readonly hi: number
    }
  /** A VMBus channel message, `to` its receiver; `connection` is the id that the guest posted to, or the SINT of a host message. */
  | {
      readonly kind: 'message'
      readonly to: 'host' | 'guest'
      readonly vp: number
      readonly connection: number
      readonly bytes: Uint8Array
    }
  /**
   * A packet as the recording end received it, or as the host sent it: descriptor, payload and padding, without the
   * trailer. So a host's trace has both directions.
   */
  | { readonly kind: 'packet'; readonly to: 'host' | 'guest'; readonly relid: number; readonly bytes: Uint8Array }
  /**
   * What a packet named and did not carry, after the packet: bytes of guest pages or of a shared buffer. Data devices
   * tell of it on the host's side, for both ways. `format` says how to read it, such as `rndis`.
   */
  | {
      readonly kind: 'transfer'
      readonly to: 'host' | 'guest'
      readonly relid: number
      readonly format: string
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'signal'; readonly to: 'host' | 'guest'; readonly relid: number }
  | { readonly kind: 'interrupt'; readonly vp: number; readonly vector: number }
  /** Something that only the host knows: a device's state change, a rejected input, an injected fault. */
  | { readonly kind: 'note'; readonly source: string; readonly text: string }

/** Undefined sinks cost one test: callers write `trace?.({...})`. */
export type TraceSink = (event: TraceEvent) => void

/** Rate-limited by who prints, never by who reports: libraries hand over every one and print none. */
export interface Diagnostic {
  /** `VMBUS_…`, one page lists them. */
  readonly code: string
  readonly source: string
  readonly message: string
  readonly detail?: Readonly<Record<string, string | number | boolean>>
}
export type Diagnose = (diagnostic: Diagnostic) => void
