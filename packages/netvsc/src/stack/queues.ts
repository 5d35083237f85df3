import type { RssChange } from '../guest/options.ts'
import { NvspVersion } from '../protocol/nvsp.ts'
import type { Context } from './context.ts'

export const channelsOf = ({ nic, system }: Context): { readonly most: number; readonly open: number } => ({
  most: system.scales ? nic.channels.most : 1,
  open: nic.queues,
})

/** `ethtool -L NAME combined N` (Linux netvsc_drv.c, netvsc_set_channels; net/ethtool/channels.c looks at the table). */
export function setChannels(ctx: Context, count: number): void {
  const { nic, system, state } = ctx
  const { most } = channelsOf(ctx)
  if (!system.scales || nic.version < NvspVersion.v5) throw system.refuse(`${state.name} has one channel`)
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw system.refuse(`${state.name} has 1 … ${most} channels`)
  const { rss } = nic
  if (rss?.chosen && rss.table.some((channel) => channel >= count))
    throw system.refuse(`the table of ${state.name} names channels beyond ${count}`)
  reopen(ctx, () => nic.setChannels(count))
}

/** `ethtool -X`. Throws OptionsError for a table or key that the driver cannot set. */
export function setRss({ nic, system, state }: Context, change: RssChange): void {
  if (!system.scales || nic.rss === null) throw system.refuse(`${state.name} has one channel`)
  nic.setRss(change)
}

export function setMtu(ctx: Context, mtu: number): void {
  const { nic, system, state } = ctx
  const [least, most] = system.mtuRange(nic.version)
  if (mtu < least || mtu > most) throw system.refuse(`${state.name} takes an MTU of ${least} … ${most}`)
  reopen(ctx, () => nic.setMtu(mtu))
}

/** The adapter is closed and opened again; the interface stays, also when the host answers at once. */
function reopen({ state }: Context, change: () => void): void {
  state.isChanging = true
  try {
    change()
  } catch (error) {
    state.isChanging = false
    throw error
  }
}
