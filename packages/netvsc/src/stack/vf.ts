import type { Context } from './context.ts'
import type { VfFunction, VfLink, VfState } from './interface.ts'
import { receive } from './receive.ts'

export const vfState = ({ nic }: Context): VfState => ({ serial: nic.vf?.serial ?? 0, dataPath: nic.dataPath })

/**
 * The function's driver is there. Once host and driver name the same function traffic moves to it (Linux netvsc_drv.c,
 * get_netvsc_byslot and netvsc_vf_changed). A driver without the messages never hears of it.
 */
export function attachVf(ctx: Context, vf: VfFunction): VfLink {
  ctx.vf = vf
  joinVf(ctx)
  return {
    receive({ bytes, vlan }) {
      // Without the interface's help a frame of the function is that of the function's own interface.
      if (ctx.vf !== vf || ctx.system.vf !== 'transparent' || ctx.state.name === '') return
      receive(ctx, { bytes: bytes.slice(), vlan, checksum: 0 })
    },
    detach() {
      if (ctx.vf !== vf) return
      ctx.vf = undefined
      if (ctx.nic.dataPath === 'vf') ctx.nic.switchDataPath('synthetic')
    },
  }
}

/** Moves the traffic if it can be moved now. */
export function joinVf({ nic, vf, system, state }: Context): void {
  if (system.vf === 'none' || vf === undefined || nic.vf?.serial !== vf.serial) return
  if (state.isUp && nic.dataPath === 'synthetic') nic.switchDataPath('vf')
}
