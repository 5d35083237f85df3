import { HResult, IcType } from '@vmbus/ic'
import { CALLBACK_SECONDS, DAEMON_SECONDS, icProtocol, isSame, type IcPart } from './ic.ts'
import { hex, type Protocol, type Watch } from './protocol.ts'

/** Operations (wire/06 §7). CREATE and DELETE are what freeze and thaw are before 5.0. */
const CREATE = 0
const DELETE = 1
const CHECK = 2
const DIRECT_MAPPED = 3
const COMPLETE = 4
const FREEZE = 5
const THAW = 6
const AUTO_RECOVER = 7
const LAST = 8
const FREEZE_SINCE = 5 << 16
const FREEZE_BYTES = 6260
/** Linux reads flags at byte 8 (drivers/hv/hv_snapshot.c). */
const MIN_BYTES = 12
const FLAGS_AT = 8
const NO_AUTO_RECOVERY = 5
/** For a snapshot and the thaw after it. */
const FROZEN_SECONDS = 70
const STATUSES: readonly number[] = [HResult.ok, HResult.fail, HResult.notSupported, HResult.invalidArgument]

function vssPart(watch: Watch): IcPart {
  const state = { checked: false, frozen: false, thawed: false }
  return {
    request({ body, version }) {
      if (body.byteLength < MIN_BYTES) return watch.check('host-vss-body', false, () => `${body.byteLength} bytes`)
      const operation = body.getUint8(0)
      const isNew = version >= FREEZE_SINCE
      const known = operation <= LAST && (isNew ? operation > DELETE : operation !== FREEZE && operation !== THAW)
      watch.check('host-vss-operation', known && operation !== AUTO_RECOVER, () => `operation ${operation}`)
      const begins = operation === FREEZE || operation === CREATE
      const ends = operation === THAW || operation === DELETE
      watch.check(
        'host-vss-body',
        operation !== FREEZE || body.byteLength === FREEZE_BYTES,
        () => `${body.byteLength} bytes`,
      )
      if (begins) watch.check('host-vss-order', state.checked && !state.frozen, () => 'a freeze out of order')
      if (ends) watch.check('host-vss-order', state.frozen, () => 'a thaw out of order')
      if (operation === COMPLETE) watch.check('host-vss-order', state.thawed, () => 'complete out of order')
      if (begins) watch.served('host')
      if (ends) watch.met('thaw')
      if (operation === COMPLETE) watch.met('complete')
    },
    answer({ body: request }, { body, status }) {
      if (request.byteLength < MIN_BYTES) return
      const operation = request.getUint8(0)
      const ok = status === HResult.ok
      watch.check('guest-vss-status', STATUSES.includes(status), () => `status ${hex(status)}`)
      const flags = operation === CHECK || operation === DIRECT_MAPPED ? 4 : 0
      watch.check('guest-vss-echo', isSame(request, body, FLAGS_AT, flags), () => 'the body differs')
      if (operation === CHECK) {
        watch.check('guest-vss-check', ok, () => `status ${hex(status)}`)
        const told = body.getUint32(FLAGS_AT, true)
        const given = request.getUint32(FLAGS_AT, true)
        watch.check('guest-vss-flags', told === given || told === NO_AUTO_RECOVERY, () => `flags ${hex(told)}`)
        Object.assign(state, { checked: ok, frozen: false, thawed: false })
      } else if (operation === FREEZE || operation === CREATE) {
        watch.check('guest-vss-freeze', ok, () => `status ${hex(status)}`)
        state.frozen = ok
        if (ok) watch.expect('host-vss-thaws', 'thaw', FROZEN_SECONDS, 'no thaw after the freeze')
      } else if (operation === THAW || operation === DELETE) {
        watch.check('guest-vss-thaw', ok, () => `status ${hex(status)}`)
        Object.assign(state, { frozen: false, thawed: ok })
        if (ok) watch.expect('host-vss-completes', 'complete', CALLBACK_SECONDS, 'no end of the backup')
        if (ok) watch.served('guest')
      } else if (operation === COMPLETE) watch.check('guest-vss-complete', ok, () => `status ${hex(status)}`)
    },
  }
}

const SOURCE = 'wire/06 §7; Linux drivers/hv/hv_snapshot.c'

export const vssProtocol: Protocol = icProtocol({
  kind: 'vss',
  interfaceIds: ['35fa2e29-ea23-4236-96ae-3a6ebacba440'],
  type: IcType.vss,
  seconds: DAEMON_SECONDS,
  serves: 'the host has the guest freeze its file systems, and the guest freezes and thaws them',
  guest: {
    'guest-vss-status': ['A status is success or one of the failures that the services know.', SOURCE],
    'guest-vss-echo': ['A request comes back as it was sent, but for the flags of a check.', SOURCE],
    'guest-vss-check': ['The check for a backup in use succeeds.', SOURCE],
    'guest-vss-flags': ['The check leaves the flags, or answers that snapshots need no repair (5).', SOURCE],
    'guest-vss-freeze': ['A guest that may be backed up freezes.', SOURCE],
    'guest-vss-thaw': ['A guest that froze thaws.', SOURCE],
    'guest-vss-complete': ['The end of a backup is answered with success.', SOURCE],
  },
  host: {
    'host-vss-operation': [
      'Operations are those of the version: freeze and thaw from 5.0 on, create and delete before; never auto recovery.',
      'wire/06 §7; wire/03 §6',
    ],
    'host-vss-body': ['A request has 12 bytes or more; a freeze names the disks, 6260 bytes.', SOURCE],
    'host-vss-order': ['A freeze follows a check, a thaw a freeze, and the end a thaw, each if it succeeded.', SOURCE],
    'host-vss-thaws': ['A guest that froze is thawed within 70 s.', SOURCE],
    'host-vss-completes': ['After the thaw the backup is ended within 10 s.', SOURCE],
  },
  part: vssPart,
})
