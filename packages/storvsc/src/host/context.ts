import type { Channel, HostDeviceDeps } from '@vmbus/core'
import type { ControllerKind } from '../protocol/index.ts'
import type { LunAddress } from './address.ts'
import { answers, type Answers, type ControllerState } from './answers.ts'
import { completions, type Completions, type Reply } from './completions.ts'
import { executor, type Execute } from './execute.ts'
import { guestBuffer, type GuestBuffer } from './guest-buffer.ts'
import { luns as lunTable, type Luns } from './luns.ts'
import { resolve, type StorvscHostOptions, type StorvscSettings } from './options.ts'
import { queuedDisks, type Queues } from './queues.ts'
import { noRequests } from './requests.ts'
import { initialSetup, type SetupEffects, type SetupOptions } from './setup.ts'
import { steps as stepsFor } from './steps.ts'

/** What the parts of a controller share. `state`, and that of its units, is all that is saved. */
export interface HostContext {
  readonly kind: ControllerKind
  /** The one address of an IDE accelerator. */
  readonly fixed: LunAddress | undefined
  readonly setup: SetupOptions
  readonly effects: SetupEffects
  readonly luns: Luns
  readonly channels: Map<number, Channel>
  readonly buffer: GuestBuffer
  readonly queues: Queues
  readonly out: Completions
  readonly answers: Answers
  readonly execute: Execute
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
  const resolved = resolve(options, settings)
  const { kind, address: fixed } = resolved
  const luns = lunTable({
    at: fixed,
    initiator: resolved.initiator,
    aborted: (key) => ctx.queues.abort(key),
    ejected: (address) => deps.event('ejected', address),
  })
  for (const each of options.luns) luns.add(each)
  const channels = new Map<number, Channel>()
  const buffer = guestBuffer(deps.memory)
  const steps = stepsFor(buffer)
  const out = completions()
  const state = (): ControllerState => ctx.state
  const sending = answers({ channels, out, state })
  const queues = queuedDisks({
    deps,
    buffer,
    steps,
    luns,
    requests: state,
    finish: (index, to, result) => {
      const channel = channels.get(index)
      if (channel !== undefined) sending.finish(channel, to, result)
    },
  })
  const ctx: HostContext = {
    kind,
    fixed,
    setup: {
      versions: resolved.versions,
      maxSubchannels: resolved.subchannels,
      maxTransferBytes: resolved.maxTransferBytes,
      wwn: resolved.wwn,
    },
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
    channels,
    buffer,
    queues,
    out,
    answers: sending,
    execute: executor({
      path: fixed?.path,
      luns,
      isRescinded: () => ctx.state.rescinded,
      buffer,
      steps,
      queues,
      finish: sending.finish,
    }),
    reply: { low: 0, high: 0, bytes: 0 },
    state: initialState(),
    busy: false,
    again: false,
  }
  return ctx
}
