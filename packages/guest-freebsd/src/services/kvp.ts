import type { GuestChannel, GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { HResult, IcType, icGuest, icGuestState, type IcAnswerable, type IcGuestOptions } from '@vmbus/ic'
import { FREEBSD_KVP_DEVICE } from '@vmbus/kvp'
import { kvpDeviceMessage } from '@vmbus/kvp/protocol'
import {
  TICKS_PER_SECOND,
  bytes,
  flag,
  nullable,
  number,
  object,
  restoreState,
  stateForm,
  u32,
  type Shape,
} from '@vmbus/world'
import { Errno, type CharacterDevice } from '../system/device-node.ts'
import { fromNode, toNode } from './kvp-messages.ts'

export interface KvpDriverOptions {
  readonly framing: IcGuestOptions
  readonly node: CharacterDevice
  /** Seconds that the daemon has. */
  readonly seconds: number
  readonly interfaceOf: (adapterId: string) => string | undefined
}

interface Pending extends IcAnswerable {
  readonly deadline: number
}

const answerable: Shape<Pending> = object<Pending>({
  bytes: bytes(),
  transactionLow: u32,
  transactionHigh: u32,
  deadline: number(),
})

const FORM = stateForm('freebsd-kvp-driver', 1, {
  ic: icGuestState,
  registered: flag,
  pending: nullable(answerable),
})

const viewOf = (of: Uint8Array): DataView => new DataView(of.buffer, of.byteOffset, of.length)

/**
 * sys/dev/hyperv/utilities/hv_kvp.c. Nothing is read before a daemon has registered, so negotiation waits for it. One
 * request at a time is with the daemon; when it takes too long the host is answered E_FAIL, and what comes then is dropped.
 */
export function kvpDriver(
  { framing, node, seconds, interfaceOf }: KvpDriverOptions,
  deps: GuestDriverDeps,
): GuestDriver {
  let registered = false
  let pending: Pending | null = null
  let current: GuestChannel | undefined

  const finish = (status: number): void => {
    const answer = pending
    pending = null
    deps.timers.clear('daemon')
    node.drop()
    if (answer !== null && current !== undefined) ic.reply(current, answer, status)
  }

  const ic = icGuest(deps, framing, {
    type: IcType.kvp,
    request(request) {
      const { view, bodyLength, transactionLow, transactionHigh } = request
      // The host waits for each answer; the loop of the driver waits as well.
      if (pending !== null) return HResult.fail
      const message = toNode(view, bodyLength, interfaceOf)
      if (message === undefined) return HResult.fail
      const deadline = deps.clock.now() + seconds * TICKS_PER_SECOND
      pending = { bytes: request.bytes, transactionLow, transactionHigh, deadline }
      if (deadline !== Infinity) deps.timers.set('daemon', deadline)
      deps.event('daemon-request')
      node.post(message)
      return undefined
    },
  })
  const read = (channel: GuestChannel): void => {
    if (registered) ic.readable(channel)
  }

  node.attach({
    opened: () => undefined,
    closed() {
      registered = false
    },
    written(message) {
      if (message.length !== kvpDeviceMessage.size) return Errno.invalid
      if (!registered) {
        if (message[0] !== FREEBSD_KVP_DEVICE.register) return Errno.invalid
        registered = true
        if (current !== undefined) read(current)
        return 0
      }
      if (pending !== null) finish(fromNode(message, viewOf(pending.bytes)))
      return 0
    },
  })

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
      if (status !== 0 || registered) ic.opened(channel, status)
    },
    readable: read,
    closed: gone,
    rescinded: gone,
    timer: () => finish(HResult.fail),
    save: () => ({ ...FORM.head, ic: ic.save(), registered, pending }),
    checkState: (saved) => void restoreState(saved, FORM),
    restore(saved, channels) {
      const state = restoreState(saved, FORM)
      ic.restore(state.ic)
      registered = state.registered
      pending = state.pending
      current = channels[0]
      if (pending !== null && pending.deadline !== Infinity) deps.timers.set('daemon', pending.deadline)
    },
    inspect: () => ({ ...ic.state, registered, waiting: pending !== null }),
  }
}
