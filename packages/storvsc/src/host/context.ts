import type { Channel, HostDeviceDeps } from '@vmbus/core'
import type { ControllerKind } from '../protocol/index.ts'
import type { LunAddress } from './address.ts'
import { command, type ExecuteContext } from './execute.ts'
import { guestBuffer } from './guest-buffer.ts'
import { luns as lunTable } from './luns.ts'
import { resolve, type StorvscHostOptions, type StorvscSettings } from './options.ts'
import { abort, noRequests, type RequestsState } from './pending.ts'
import { packets, type Reply } from './replies.ts'
import { initialSetup, type SetupEffects, type SetupOptions, type SetupState } from './setup.ts'
import { steps } from './steps.ts'

/** What a controller saves beside its units. */
export interface ControllerState extends SetupState, RequestsState {
  /** The guest has yet to hear of added or removed units. */
  enumerate: boolean
  /** The controller is being withdrawn: requests end as they do where there is no unit. */
  rescinded: boolean
}

/** What the parts of a controller share. `state`, and that of its units, is all that is saved. */
export interface HostContext extends ExecuteContext {
  readonly kind: ControllerKind
  /** The one address of an IDE accelerator. */
  readonly fixed: LunAddress | undefined
  readonly setup: SetupOptions
  readonly effects: SetupEffects
  readonly channels: Map<number, Channel>
  /** The request at hand. */
  readonly reply: { -readonly [K in keyof Reply]: Reply[K] }
  state: ControllerState
  /** A channel is being read; `again`: look at all of them afterwards. */
  busy: boolean
  again: boolean
}

export const initialState = (): ControllerState => ({
  ...initialSetup(),
  ...noRequests(),
  enumerate: false,
  rescinded: false,
})

export function hostContext(
  options: StorvscHostOptions,
  deps: HostDeviceDeps,
  settings: StorvscSettings | undefined,
): HostContext {
  const { kind, address, initiator, versions, subchannels, maxTransferBytes, wwn } = resolve(options, settings)
  const luns = lunTable({
    at: address,
    initiator,
    aborted: (key) => abort(ctx, key),
    ejected: (from) => deps.event('ejected', from),
  })
  for (const each of options.luns) luns.add(each)
  const buffer = guestBuffer(deps.memory)
  const ctx: HostContext = {
    deps,
    kind,
    fixed: address,
    path: address?.path,
    setup: { versions, maxSubchannels: subchannels, maxTransferBytes, wwn },
    effects: {
      ready: () => {
        // The guest is about to look at all there is.
        ctx.state.enumerate = false
        deps.event('ready', { version: ctx.state.version })
      },
      subchannels: (count) => {
        deps.offerSubchannels(count)
        deps.event('subchannels', { count })
      },
    },
    luns,
    channels: new Map(),
    buffer,
    command: command(buffer),
    steps: steps(buffer),
    completions: { slots: [], statuses: [] },
    packets: packets(),
    reply: { low: 0, high: 0, bytes: 0 },
    state: initialState(),
    busy: false,
    again: false,
  }
  return ctx
}
