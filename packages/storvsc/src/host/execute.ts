import type { Channel } from '@vmbus/core'
import { Op, vmscsiRequest } from '../protocol/index.ts'
import { FAILURE_OF, INVALID_LUN, isPlan, type CommandResult, type Failure, type Plan } from './command-result.ts'
import type { GuestBuffer } from './guest-buffer.ts'
import { defer, type PendingContext } from './pending.ts'
import { finish, type Reply } from './replies.ts'
import { absentUnit } from './scsi/inquiry.ts'
import { reportLuns } from './scsi/report-luns.ts'
import { isQueued, type Command, type LogicalUnit } from './unit.ts'

/** What carrying out a command needs of a controller. */
export interface ExecuteContext extends PendingContext {
  /** An IDE accelerator answers on this path whatever path the guest names. */
  readonly path: number | undefined
  /** Scratch: the command at hand. */
  readonly command: Command
}

export const command = (buffer: GuestBuffer): Command => ({ cdb: new DataView(new ArrayBuffer(16)), buffer })

const at = vmscsiRequest.offsets

/** Carries out the SCSI request whose vmscsi_request is at `body`, and whose pages are bound to the buffer. */
export function execute(ctx: ExecuteContext, channel: Channel, reply: Reply, view: DataView, body: number): void {
  const { command, luns, state } = ctx
  const { cdb } = command
  const path = view.getUint8(body + at.pathId)
  const target = view.getUint8(body + at.targetId)
  const lun = view.getUint8(body + at.lun)
  for (let byte = 0; byte < 16; byte += 4) cdb.setUint32(byte, view.getUint32(body + at.cdb + byte))
  const key = ((ctx.path ?? path) << 16) | (target << 8) | lun
  const opcode = cdb.getUint8(0)
  // A controller that is being withdrawn has no unit any more.
  const unit = state.rescinded ? undefined : luns.get(key)
  let planned: CommandResult
  // Answered by the controller, even where LUN 0 is not there; by the path that the guest named.
  if (opcode === Op.reportLuns) planned = reportLuns(luns.addresses, path, target, command)
  else planned = unit === undefined ? absentUnit(command, lun) : unit.execute(command)
  const result =
    typeof planned !== 'number' && isPlan(planned) && unit !== undefined
      ? carryOut(ctx, channel, reply, key, unit, planned)
      : planned
  if (result === undefined || (typeof result !== 'number' && isPlan(result))) return
  if (opcode !== Op.reportLuns) unit?.keepSense(typeof result === 'number' ? undefined : result.sense)
  finish(ctx, channel, reply, result)
}

/** Does what a command planned; undefined when its disk answers later. */
function carryOut(
  ctx: ExecuteContext,
  channel: Channel,
  reply: Reply,
  key: number,
  { backend }: LogicalUnit,
  plan: Plan,
): number | Failure | undefined {
  if (backend === undefined) return INVALID_LUN
  if (isQueued(backend)) {
    defer(ctx, channel.subchannelIndex, reply, key, plan, backend)
    return undefined
  }
  for (let index = 0; index < plan.steps.length; index++) {
    const step = plan.steps[index]
    const status = step === undefined ? 'ok' : ctx.steps.perform(backend, step)
    if (status !== 'ok') return FAILURE_OF[status]
  }
  return plan.transferred
}
