import type { VariableField } from '@vmbus/core'
import { At, IcType, inMessages } from '@vmbus/ic'
import { REFERENCE_FORM_SINCE } from './protocol.ts'

const timeAt = (offset: number): VariableField => ({ offset, size: 8, category: 'time' })

/** Where the times of a message stand: two in the form with a reference time, three before. */
export const timesIn = inMessages(IcType.timesync, (packet, payload) => {
  const version =
    (packet.getUint16(payload + At.version, true) << 16) | packet.getUint16(payload + At.version + 2, true)
  const body = payload + At.body
  const times = version >= REFERENCE_FORM_SINCE ? [body, body + 8] : [body, body + 8, body + 16]
  return times.map(timeAt)
})
