import { BODY, Capability, DataPath, NvspType, NvspVersion, sendVfAssociation } from '../protocol/nvsp.ts'
import { begin, sendMessage } from './queue.ts'
import type { HostContext } from './state.ts'

/** The ids of OpenVMM's own messages; guests do not complete them, although it asks (wire/04 §5). */
const ASSOCIATION_ID_HIGH = 0x8000_0000

/** Tells a guest that wants it of the VF, or that it is gone. The serial is that of the vPCI function, also when it goes. */
export function announceVf(ctx: HostContext, gone = 0): void {
  const { connection, vfSerial } = ctx
  const wanted =
    connection.version >= NvspVersion.v4 && ((connection.config?.capabilities ?? 0) & Capability.sriov) !== 0
  if (!wanted || ctx.rescinded || !connection.initialized || connection.vfTold === (vfSerial !== 0)) return
  connection.vfTold = vfSerial !== 0
  const view = begin(ctx, NvspType.sendVfAssociation)
  sendVfAssociation.write.allocated(view, BODY, vfSerial === 0 ? 0 : 1)
  sendVfAssociation.write.serial(view, BODY, vfSerial === 0 ? gone : vfSerial)
  sendMessage(ctx, 0, ASSOCIATION_ID_HIGH, true)
}

/** Which way the guest's frames go. */
export function setDataPath(ctx: HostContext, path: number): void {
  const { connection } = ctx
  const next = path === DataPath.vf && ctx.vfSerial !== 0 ? DataPath.vf : DataPath.synthetic
  if (next === connection.dataPath) return
  connection.dataPath = next
  ctx.deps.event('data-path', next === DataPath.vf ? 'vf' : 'synthetic')
}
