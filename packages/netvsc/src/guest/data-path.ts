import { DataPath, NvspType, NvspVersion, switchDataPath } from '../protocol/nvsp.ts'
import { sendNvsp } from './requests.ts'
import type { GuestContext } from './types.ts'

/** Tells the host which way the traffic goes. To the VF only as far as the host has told of one. */
export function moveTraffic(ctx: GuestContext, path: keyof typeof DataPath): void {
  const { state } = ctx
  if (state.phase !== 'ready' || state.version < NvspVersion.v4 || (path === 'vf' && state.vf === null)) return
  state.dataPath = DataPath[path]
  sendNvsp(ctx, NvspType.switchDataPath, switchDataPath.toBytes({ active_datapath: DataPath[path] }), true)
}

/**
 * The VF comes or goes. Traffic that was on it goes back, and the host hears so: it may have taken the guest's wish for
 * the VF that it had withdrawn as one for the next.
 */
export function vfChanged(ctx: GuestContext, vf: { serial: number } | null): void {
  const { state } = ctx
  state.vf = vf
  if (vf === null && state.dataPath === DataPath.vf) {
    moveTraffic(ctx, 'synthetic')
    state.dataPath = DataPath.synthetic
  }
  ctx.deps.event('vf', vf)
}
