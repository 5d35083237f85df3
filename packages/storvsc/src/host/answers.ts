import type { Channel } from '@vmbus/core'
import { Operation, RING_BYTES, vstorFeatures } from '../protocol/index.ts'
import type { Completions, Reply } from './completions.ts'
import type { Failure } from './outcome.ts'
import type { Finished, RequestsState } from './requests.ts'
import type { SetupState } from './setup.ts'

/** What a controller saves beside its units. */
export interface ControllerState extends SetupState, RequestsState {
  /** The guest has yet to hear of added or removed units. */
  enumerate: boolean
  /** The controller is being withdrawn: requests end as they do where there is no unit. */
  rescinded: boolean
}

export interface AnswersOptions {
  readonly channels: ReadonlyMap<number, Channel>
  readonly out: Completions
  readonly state: () => ControllerState
}

/** What goes to the guest, now or when its ring has room. */
export interface Answers {
  /** Ends a request. */
  finish(channel: Channel, to: Reply, result: number | Failure): void
  /** Sends what waited for room, in order for each channel. */
  flush(): void
  /** Tells the guest of added or removed units. */
  announce(): void
}

export function answers({ channels, out, state }: AnswersOptions): Answers {
  const finish = (channel: Channel, to: Reply, result: number | Failure): void => {
    if (out.sendResult(channel, to, result) || !channel.isOpen) return
    state().finished.push({ low: to.low, high: to.high, bytes: to.bytes, channel: channel.subchannelIndex, result })
    channel.wantWritable(RING_BYTES)
  }

  const flush = (): void => {
    const waiting = state().finished
    if (waiting.length === 0) return
    const left: Finished[] = []
    const full = new Set<number>()
    // Sending may let the guest run, and more requests end.
    state().finished = []
    for (const each of waiting) {
      const channel = channels.get(each.channel)
      if (channel === undefined || !channel.isOpen) continue
      if (!full.has(each.channel) && out.sendResult(channel, each, each.result)) continue
      left.push(each)
      full.add(each.channel)
    }
    state().finished.unshift(...left)
    for (const index of full) channels.get(index)?.wantWritable(RING_BYTES)
  }

  const announce = (): void => {
    const channel = channels.get(0)
    const features = vstorFeatures(state().version)
    const { enumerate, rescinded, phase } = state()
    if (!enumerate || rescinded || channel === undefined || features === undefined || phase !== 'ready') return
    // Told before it is sent: the guest may look, and the owner change more, before the call returns.
    state().enumerate = false
    if (!features.enumerateBus || out.notify(channel, Operation.enumerateBus, features.packetBytes)) return
    state().enumerate = true
    channel.wantWritable(RING_BYTES)
  }

  return { finish, flush, announce }
}
