import type { GuestChannel, GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { At, HResult, IcType, icGuest, icGuestState, type IcAnswerable, type IcGuestOptions } from '@vmbus/ic'
import {
  FLAGS_OFFSET,
  FreebsdVssOption,
  MIN_BODY,
  NO_AUTO_RECOVERY,
  VssOperation,
  freebsdVssMessage,
} from '@vmbus/vss/protocol'
import {
  TICKS_PER_SECOND,
  bytes,
  flag,
  nullable,
  number,
  object,
  oneOf,
  restoreState,
  stateForm,
  u32,
} from '@vmbus/world'
import { Errno, type CharacterDevice, type NodeDriver } from '../system/device-node.ts'

/** hv_snapshot.c, FS_VSS_DEV_NAME and APP_VSS_DEV_NAME: mode 0640, root:wheel. */
export const FS_NODE = '/dev/hv_fsvss_dev'
export const APP_NODE = '/dev/hv_appvss_dev'
/** hv_snapshot.c, TIMEOUT_LIMIT: from the request to the last acknowledgement. */
const SECONDS = 15

export interface VssDriverOptions {
  readonly framing: IcGuestOptions
  /** The node of hv_vss_daemon, and the one of an application that wants to know. */
  readonly fs: CharacterDevice
  readonly app: CharacterDevice
}

type Stage = 'fs' | 'app'

interface Pending extends IcAnswerable {
  readonly option: number
  readonly stage: Stage
  readonly id: number
  readonly deadline: number
}

const FORM = stateForm('freebsd-vss-driver', 1, {
  ic: icGuestState,
  launched: flag,
  nextId: number(),
  pending: nullable(
    object<Pending>({
      bytes: bytes(),
      transactionLow: u32,
      transactionHigh: u32,
      option: u32,
      stage: oneOf('fs', 'app'),
      id: number(),
      deadline: number(),
    }),
  ),
})

const optionOf = (operation: number): number | undefined => {
  switch (operation) {
    case VssOperation.checkHotBackup:
      return FreebsdVssOption.check
    case VssOperation.freeze:
      return FreebsdVssOption.freeze
    case VssOperation.thaw:
      return FreebsdVssOption.thaw
    default:
      return undefined
  }
}

const viewOf = (of: Uint8Array): DataView => new DataView(of.buffer, of.byteOffset, of.length)

/**
 * sys/dev/hyperv/utilities/hv_snapshot.c. Until a daemon has been there once nothing is read; when it has died everything is
 * answered E_FAIL. Freeze and check go to the application first and then to the daemon, thaw the other way. Another operation,
 * and a request while one is under way, gets no answer.
 */
export function vssDriver({ framing, fs, app }: VssDriverOptions, deps: GuestDriverDeps): GuestDriver {
  let launched = fs.isOpen
  let nextId = 1
  let pending: Pending | null = null
  let current: GuestChannel | undefined

  const notify = (request: Pending): void => {
    pending = request
    deps.timers.set('daemon', request.deadline)
    deps.event('daemon-request', { node: request.stage, option: request.option })
    const node = request.stage === 'fs' ? fs : app
    node.post(freebsdVssMessage.toBytes({ opt: request.option, status: 0, msgid: BigInt(request.id) }))
  }

  const finish = (status: number): void => {
    const answer = pending
    if (answer === null) return
    pending = null
    deps.timers.clear('daemon')
    fs.drop()
    app.drop()
    if (answer.option === FreebsdVssOption.check)
      viewOf(answer.bytes).setUint32(At.body + FLAGS_OFFSET, NO_AUTO_RECOVERY, true)
    if (current !== undefined) ic.reply(current, answer, status)
  }

  const acknowledged =
    (stage: Stage) =>
    (message: Uint8Array): number => {
      if (message.length !== freebsdVssMessage.size) return Errno.invalid
      const { opt, status, msgid } = freebsdVssMessage.parse(message)
      // Its time is over, or it was never asked.
      if (pending === null || pending.stage !== stage || msgid !== BigInt(pending.id) || opt !== pending.option)
        return Errno.invalid
      if (status !== 0) finish(HResult.fail)
      else if (stage === 'app' && opt !== FreebsdVssOption.thaw) notify({ ...pending, stage: 'fs' })
      else if (stage === 'fs' && opt === FreebsdVssOption.thaw && app.isOpen) notify({ ...pending, stage: 'app' })
      else finish(HResult.ok)
      return 0
    }

  const ic = icGuest(deps, framing, {
    type: IcType.vss,
    request({ view, bodyLength, bytes: own, transactionLow, transactionHigh }) {
      if (bodyLength < MIN_BODY) return undefined
      const operation = view.getUint8(At.body)
      const isInfo = operation === VssOperation.directMappedInfo
      if (isInfo) view.setUint32(At.body + FLAGS_OFFSET, 0, true)
      if (!fs.isOpen) {
        if (operation === VssOperation.checkHotBackup) view.setUint32(At.body + FLAGS_OFFSET, NO_AUTO_RECOVERY, true)
        return HResult.fail
      }
      if (isInfo) return HResult.ok
      const option = optionOf(operation)
      if (option === undefined || pending !== null) return undefined
      const stage = option !== FreebsdVssOption.thaw && app.isOpen ? 'app' : 'fs'
      const deadline = deps.clock.now() + SECONDS * TICKS_PER_SECOND
      notify({ bytes: own, transactionLow, transactionHigh, option, stage, id: nextId++, deadline })
      return undefined
    },
  })
  const read = (channel: GuestChannel): void => {
    if (launched) ic.readable(channel)
  }

  const daemon: NodeDriver = {
    opened() {
      launched = true
      if (current !== undefined) read(current)
    },
    closed: () => undefined,
    written: acknowledged('fs'),
  }
  fs.attach(daemon)
  app.attach({ opened: () => undefined, closed: () => undefined, written: acknowledged('app') })

  const gone = (): void => {
    current = undefined
    pending = null
    deps.timers.clear('daemon')
    ic.reset()
  }

  return {
    offered: (channel) => ic.offered(channel),
    opened(channel, status) {
      current = channel
      if (status !== 0 || launched) ic.opened(channel, status)
    },
    readable: read,
    closed: gone,
    rescinded: gone,
    timer: () => finish(HResult.fail),
    save: () => ({ ...FORM.head, ic: ic.save(), launched, nextId, pending }),
    checkState: (saved) => void restoreState(saved, FORM),
    restore(saved, channels) {
      const state = restoreState(saved, FORM)
      ic.restore(state.ic)
      ;({ launched, nextId, pending } = state)
      current = channels[0]
      if (pending !== null) deps.timers.set('daemon', pending.deadline)
    },
    inspect: () => ({ ...ic.state, launched, waiting: pending?.stage ?? null }),
  }
}
