import { IcType } from '@vmbus/ic'
import { CALLBACK_SECONDS, icProtocol, isSame } from './ic.ts'
import { hex, type Protocol } from './protocol.ts'

const OK = 0

/** Highest application state of an answer (OpenVMM hyperv_ic_protocol, heartbeat.rs): stopped. */
const LAST_STATE = 3

export const heartbeatProtocol: Protocol = icProtocol({
  kind: 'heartbeat',
  interfaceIds: ['57164f39-9115-4e78-ab55-382f3bd5422d'],
  type: IcType.heartbeat,
  seconds: CALLBACK_SECONDS,
  serves: 'the host beats and the guest answers a beat',
  guest: {
    'guest-heartbeat-sequence': [
      'The answer to a beat has the next sequence number.',
      'wire/06 §4; Linux drivers/hv/hv_util.c, heartbeat_onchannelcallback',
    ],
    'guest-heartbeat-status': ['A beat is answered with success.', 'wire/06 §4'],
    'guest-heartbeat-state': [
      'Behind the number the host’s bytes come back, or an application state from 0 to 3.',
      'wire/06 §4; OpenVMM hyperv_ic_protocol/src/heartbeat.rs',
    ],
  },
  host: {
    'host-heartbeat-body': ['A beat has a sequence number and an application state, 16 bytes or more.', 'wire/06 §4'],
    'host-heartbeat-sequence': ['The numbers of beats do not fall while the channel is open.', 'wire/06 §4'],
    'host-heartbeat-goes-on': ['After each answer the next beat comes within 10 s.', 'wire/06 §4: every 2 s'],
  },
  part(watch) {
    let last = -1n
    const next = (): void =>
      watch.expect('host-heartbeat-goes-on', 'beat', CALLBACK_SECONDS, 'no beat after the last answer')
    return {
      agreed: next,
      request({ body }) {
        watch.met('beat')
        watch.check('host-heartbeat-body', body.byteLength >= 16, () => `${body.byteLength} bytes`)
        if (body.byteLength < 8) return
        const number = body.getBigUint64(0, true)
        watch.check('host-heartbeat-sequence', number >= last, () => `${number} after ${last}`)
        last = number
        watch.served('host')
      },
      answer(asked, { body, status }) {
        next()
        watch.check('guest-heartbeat-status', status === OK, () => `status ${hex(status)}`)
        if (body.byteLength < 8) return
        const [given, number] = [asked.body.getBigUint64(0, true), body.getBigUint64(0, true)]
        const right = number === BigInt.asUintN(64, given + 1n)
        watch.check('guest-heartbeat-sequence', right, () => `${number} for ${given}`)
        const hasState = body.byteLength >= 12 && body.getUint32(8, true) <= LAST_STATE
        watch.check(
          'guest-heartbeat-state',
          isSame(asked.body, body, 0, hasState ? 12 : 8),
          () => 'bytes behind the number differ',
        )
        if (right && status === OK) watch.served('guest')
      },
    }
  },
})

const SYNC = 1
const SAMPLE = 2
/** From 4.0 on the message has a reference time; Linux needs 22 bytes of it and 25 of the older one (wire/06 §5). */
const REFERENCE_SINCE = 4 << 16
const BYTES = { reference: 22, legacy: 25 }
/** 100 ns: how far wall clock and reference time may drift from each other between two messages. */
const DRIFT = 10_000n

export const timesyncProtocol: Protocol = icProtocol({
  kind: 'timesync',
  interfaceIds: ['9527e630-d0ae-497b-adce-e80ab0175caf'],
  type: IcType.timesync,
  seconds: CALLBACK_SECONDS,
  serves: 'the host tells the time and the guest takes it',
  guest: {
    'guest-timesync-status': [
      'A fresh time is taken with success.',
      'wire/06 §5; Linux drivers/hv/hv_util.c, timesync_onchannelcallback',
    ],
    'guest-timesync-echo': ['The times come back as they were sent.', 'wire/06 §1, §5'],
  },
  host: {
    'host-timesync-form': [
      'From version 4 on a message has wall clock and reference time, 22 bytes; before it 25.',
      'wire/06 §5; Linux include/linux/hyperv.h, ictimesync_data, ictimesync_ref_data',
    ],
    'host-timesync-first': ['The first message after an opening sets the clock.', 'wire/06 §5'],
    'host-timesync-flags': ['A message is a sync, a sample or a probe.', 'wire/06 §5'],
    'host-timesync-times': [
      'Wall clock and reference time do not fall, and advance alike.',
      'wire/06 §5; Linux drivers/hv/hv_util.c, hv_get_adj_host_time',
    ],
    'host-timesync-goes-on': ['After each answer the next message comes within 20 s.', 'wire/06 §5: every 5 s'],
  },
  part(watch) {
    let before: { readonly wall: bigint; readonly reference: bigint } | undefined
    const next = (): void =>
      watch.expect('host-timesync-goes-on', 'sample', 2 * CALLBACK_SECONDS, 'no message after the last answer')
    return {
      agreed: next,
      request({ body, version }) {
        watch.met('sample')
        const hasReference = version >= REFERENCE_SINCE
        const enough = body.byteLength >= (hasReference ? BYTES.reference : BYTES.legacy)
        watch.check('host-timesync-form', enough, () => `${body.byteLength} bytes`)
        if (!enough) return
        const flags = body.getUint8(hasReference ? 16 : 24)
        watch.check('host-timesync-flags', flags <= SAMPLE, () => `flags ${flags}`)
        const wall = body.getBigUint64(0, true)
        const reference = hasReference ? body.getBigUint64(8, true) : BigInt(watch.now)
        if (before === undefined) watch.check('host-timesync-first', flags === SYNC, () => `flags ${flags}`)
        else {
          const [passed, told] = [reference - before.reference, wall - before.wall]
          const off = passed > told ? passed - told : told - passed
          watch.check(
            'host-timesync-times',
            passed >= 0n && told >= 0n && off <= DRIFT,
            () => `${told} of wall clock in ${passed} of reference time`,
          )
        }
        before = { wall, reference }
        watch.served('host')
      },
      answer(asked, { body, status }) {
        next()
        watch.check('guest-timesync-status', status === OK, () => `status ${hex(status)}`)
        const same = isSame(asked.body, body)
        watch.check('guest-timesync-echo', same, () => 'the body differs')
        if (status === OK && same) watch.served('guest')
      },
    }
  },
})

/** Bytes of a shutdown message, and where its text stands (Linux include/linux/hyperv.h, shutdown_msg_data). */
const SHUTDOWN_BYTES = 2060
const TEXT_AT = 12
const RESTART = 2
const HIBERNATE = 4
const RESTART_SINCE = (3 << 16) | 1
const HIBERNATE_SINCE = (3 << 16) | 2

export const shutdownProtocol: Protocol = icProtocol({
  kind: 'shutdown',
  interfaceIds: ['0e0b6031-5213-4934-818b-38d90ced39db'],
  type: IcType.shutdown,
  seconds: CALLBACK_SECONDS,
  serves: 'the host asks for a power off and the guest agrees',
  guest: {
    'guest-shutdown-status': [
      'A power off and a restart are answered with success, before the guest acts.',
      'wire/06 §3; Linux drivers/hv/hv_util.c, shutdown_onchannelcallback',
    ],
    'guest-shutdown-echo': ['The request comes back as it was sent.', 'wire/06 §1'],
  },
  host: {
    'host-shutdown-body': ['A request has 2060 bytes.', 'wire/06 §3; Linux include/linux/hyperv.h, shutdown_msg_data'],
    'host-shutdown-flags': [
      'A request asks for one action: power off, restart from 3.1 on, hibernation from 3.2 on.',
      'wire/06 §3',
    ],
    'host-shutdown-text': ['The text ends with a NUL.', 'wire/06 §3'],
  },
  part: (watch) => ({
    request({ body, version }) {
      watch.check('host-shutdown-body', body.byteLength === SHUTDOWN_BYTES, () => `${body.byteLength} bytes`)
      if (body.byteLength < SHUTDOWN_BYTES) return
      const flags = body.getUint32(8, true)
      const action = flags & ~1
      const known =
        action === 0 ||
        (action === RESTART && version >= RESTART_SINCE) ||
        (action === HIBERNATE && version >= HIBERNATE_SINCE)
      watch.check('host-shutdown-flags', known, () => `flags ${flags}`)
      let ends = false
      for (let at = TEXT_AT; at < SHUTDOWN_BYTES; at += 2) ends ||= body.getUint16(at, true) === 0
      watch.check('host-shutdown-text', ends, () => 'a text without end')
      watch.served('host')
    },
    answer(asked, { body, status }) {
      const same = isSame(asked.body, body)
      watch.check('guest-shutdown-echo', same, () => 'the body differs')
      if (asked.body.byteLength < TEXT_AT || (asked.body.getUint32(8, true) & HIBERNATE) !== 0) return
      watch.check('guest-shutdown-status', status === OK, () => `status ${hex(status)}`)
      if (same && status === OK) watch.served('guest')
    },
  }),
})
