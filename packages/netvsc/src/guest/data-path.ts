import { DataPath, NvspType, NvspVersion, switchDataPath } from '../protocol/nvsp.ts'
import { sendNvsp } from './requests.ts'
import type { GuestContext } from './types.ts'

/** Asks the host to switch the data path; to the VF only when the host has announced one. */
export function moveTraffic(ctx: GuestContext, path: keyof typeof DataPath): void {
  const { state } = ctx
  if (state.phase !== 'ready' || state.version < NvspVersion.v4 || (path === 'vf' && state.vf === null)) return
  state.dataPath = DataPath[path]
  sendNvsp(ctx, NvspType.switchDataPath, switchDataPath.toBytes({ active_datapath: DataPath[path] }), true)
}

/**
 * The VF comes or goes. Traffic that was on it moves back, and the host is asked to switch as well: a switch to the VF that
 * crossed with its withdrawal would otherwise apply to the next VF.
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
