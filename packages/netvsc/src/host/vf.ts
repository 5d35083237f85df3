import { BODY, Capability, DataPath, NvspType, NvspVersion, sendVfAssociation } from '../protocol/nvsp.ts'
import { newMessage, sendMessage } from './queue.ts'
import type { VfControl } from './types.ts'

/** The ids of OpenVMM's own messages; guests do not complete them, although it asks (wire/04 §5). */
const ASSOCIATION_ID_HIGH = 0x8000_0000

/** The host has a function for the guest, which has one at a time: the one before is withdrawn first. */
export function associateVf(ctx: VfControl, serial: number): void {
  if (ctx.vfSerial === serial) return
  withdrawVf(ctx)
  ctx.vfSerial = serial
  announceVf(ctx)
}

export function withdrawVf(ctx: VfControl): void {
  const gone = ctx.vfSerial
  ctx.vfSerial = 0
  setDataPath(ctx, DataPath.synthetic)
  announceVf(ctx, gone)
}

/** Tells a guest that wants it of the VF, or that it is gone. The serial is that of the vPCI function, also when it goes. */
export function announceVf(ctx: VfControl, gone = 0): void {
  const { connection, vfSerial } = ctx
  const wanted =
    connection.version >= NvspVersion.v4 && ((connection.config?.capabilities ?? 0) & Capability.sriov) !== 0
  if (!wanted || ctx.rescinded || !connection.initialized || connection.vfAnnounced === (vfSerial !== 0)) return
  connection.vfAnnounced = vfSerial !== 0
  const view = newMessage(ctx, NvspType.sendVfAssociation)
  sendVfAssociation.write.allocated(view, BODY, vfSerial === 0 ? 0 : 1)
  sendVfAssociation.write.serial(view, BODY, vfSerial === 0 ? gone : vfSerial)
  sendMessage(ctx, 0, ASSOCIATION_ID_HIGH, true)
}

/** Which way the guest's frames go. */
export function setDataPath(ctx: VfControl, path: number): void {
  const { connection } = ctx
  const next = path === DataPath.vf && ctx.vfSerial !== 0 ? DataPath.vf : DataPath.synthetic
  if (next === connection.dataPath) return
  connection.dataPath = next
  ctx.deps.event('data-path', next === DataPath.vf ? 'vf' : 'synthetic')
}
