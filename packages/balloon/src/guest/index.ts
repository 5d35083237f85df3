import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { checkOptions, plainCopy, restoreState } from '@vmbus/world'
import { flush } from '../outbox.ts'
import { drop, guestContext, type GuestContext } from './context.ts'
import { readable, turn } from './intake.ts'
import { begin, fail, tick } from './negotiation.ts'
import { coveredPages } from './regions.ts'
import { SAVED_GUEST, initialState, guestOptions, type BalloonGuestOptions, type State } from './state.ts'
import { BALLOON_RING_PAGES } from '../protocol.ts'

export type { BalloonGuestOptions, BalloonQuirk, GuestMemoryManager } from './state.ts'

/**
 * Reports pressure each second, gives pages up down to its floor, takes them back, adds new ones. Throws OptionsError
 * (VMBUS_OPTIONS_INVALID).
 */
export function balloonGuest(options: BalloonGuestOptions, deps: GuestDriverDeps): GuestDriver {
  checkOptions('balloon.driver', guestOptions, options)
  const ctx = guestContext(options, deps)
  const { ballooned } = ctx

  return {
    offered(channel) {
      ctx.handle = channel
      channel.open({ outPages: BALLOON_RING_PAGES, inPages: BALLOON_RING_PAGES })
    },
    opened(_channel, status) {
      if (status !== 0) return drop(ctx, undefined, `host refused to open the channel: 0x${status.toString(16)}`)
      ctx.state = { ...initialState(), ...lasting(ctx), phase: 'version' }
      turn(ctx, () => begin(ctx))
      readable(ctx)
    },
    readable: () => readable(ctx),
    writable() {
      turn(ctx, () => flush(ctx))
      readable(ctx)
    },
    closed() {
      // The phase `failed` stays to be inspected.
      if (ctx.state.phase !== 'failed') leave(ctx)
    },
    rescinded: () => leave(ctx),
    timer: (name) => turn(ctx, () => timer(ctx, name)),
    save: () => plainCopy({ ...ctx.state, ...SAVED_GUEST.head, ballooned: ballooned.runs }),
    checkState: (saved) => void restoreState(saved, SAVED_GUEST),
    restore(saved, channels) {
      const { ballooned: runs, ...state } = restoreState(saved, SAVED_GUEST)
      ctx.state = state
      ballooned.clear()
      for (const run of runs) ballooned.add(run)
      ctx.handle = channels[0]
      if (state.nextTick !== null) deps.timers.set('tick', state.nextTick)
      if (state.deadline !== null) deps.timers.set('negotiation', state.deadline)
    },
    inspect: () => ({ phase: ctx.state.phase, ballooned: ballooned.pages, added: coveredPages(ctx.state.regions) }),
  }
}

/** What outlives a channel: the pages, and the numbers of messages, which count on (Linux's trans_id is the module's). */
const lasting = ({ state: { regions, transaction } }: GuestContext): Pick<State, 'regions' | 'transaction'> => ({
  regions,
  transaction,
})

function leave(ctx: GuestContext): void {
  for (const name of ['tick', 'negotiation']) ctx.deps.timers.clear(name)
  // Ballooned pages stay ballooned: only a host that is asked again may give them back.
  ctx.state = { ...initialState(), ...lasting(ctx) }
}

function timer(ctx: GuestContext, name: string): void {
  const { phase } = ctx.state
  if (name === 'negotiation' && (phase === 'version' || phase === 'capabilities'))
    return fail(ctx, 'silence', 'the host did not answer in time')
  if (name === 'tick' && phase === 'ready') tick(ctx)
}
