import type { Channel } from '@vmbus/core'
import { Op, vmscsiRequest } from '../protocol/index.ts'
import type { Reply } from './completions.ts'
import type { GuestBuffer } from './guest-buffer.ts'
import type { Luns } from './luns.ts'
import { FAILURE_OF, INVALID_LUN, isPlan, type Failure, type Outcome, type Plan } from './outcome.ts'
import type { Queues } from './queues.ts'
import { reportLuns } from './report-luns.ts'
import { absentUnit } from './scsi/inquiry.ts'
import type { Steps } from './steps.ts'
import { isQueued, type Command, type LogicalUnit } from './unit.ts'

export interface ExecutorOptions {
  /** An IDE accelerator answers on this path whatever path the guest names. */
  readonly path: number | undefined
  readonly luns: Luns
  /** The controller is being withdrawn: no unit is there any more. */
  readonly isRescinded: () => boolean
  readonly buffer: GuestBuffer
  readonly steps: Steps
  readonly queues: Queues
  readonly finish: (channel: Channel, to: Reply, result: number | Failure) => void
}

const at = vmscsiRequest.offsets

/** Carries out the SCSI request whose vmscsi_request is at `body`, and whose pages are bound to the buffer. */
export type Execute = (channel: Channel, reply: Reply, view: DataView, body: number) => void

export function executor({
  path: fixedPath,
  luns,
  isRescinded,
  buffer,
  steps,
  queues,
  finish,
}: ExecutorOptions): Execute {
  const cdb = new DataView(new ArrayBuffer(16))
  const command: Command = { cdb, buffer }

  /** Does what a command planned; undefined when its disk answers later. */
  const carryOut = (
    channel: Channel,
    reply: Reply,
    key: number,
    unit: LogicalUnit,
    plan: Plan,
  ): number | Failure | undefined => {
    const { backend } = unit
    if (backend === undefined) return INVALID_LUN
    if (isQueued(backend)) {
      queues.defer(channel.subchannelIndex, reply, key, plan, backend)
      return undefined
    }
    for (let index = 0; index < plan.steps.length; index++) {
      const step = plan.steps[index]
      const status = step === undefined ? 'ok' : steps.perform(backend, step)
      if (status !== 'ok') return FAILURE_OF[status]
    }
    return plan.transferred
  }

  return (channel, reply, view, body) => {
    const path = view.getUint8(body + at.pathId)
    const target = view.getUint8(body + at.targetId)
    const lun = view.getUint8(body + at.lun)
    for (let byte = 0; byte < 16; byte += 4) cdb.setUint32(byte, view.getUint32(body + at.cdb + byte))
    const key = ((fixedPath ?? path) << 16) | (target << 8) | lun
    const opcode = cdb.getUint8(0)
    const unit = isRescinded() ? undefined : luns.get(key)
    let outcome: Outcome
    // Answered by the controller, even where LUN 0 is not there; by the path that the guest named.
    if (opcode === Op.reportLuns) outcome = reportLuns(luns.addresses, path, target, command)
    else outcome = unit === undefined ? absentUnit(command, lun) : unit.execute(command)
    const result =
      typeof outcome !== 'number' && isPlan(outcome) && unit !== undefined
        ? carryOut(channel, reply, key, unit, outcome)
        : outcome
    if (result === undefined || (typeof result !== 'number' && isPlan(result))) return
    if (opcode !== Op.reportLuns) unit?.keepSense(typeof result === 'number' ? undefined : result.sense)
    finish(channel, reply, result)
  }
}
