import { HResult, IcType } from '@vmbus/ic'
import { DAEMON_SECONDS, icProtocol, isSame, type IcPart } from './ic.ts'
import { hex, type Protocol, type Watch } from './protocol.ts'

/** Operations, and the bytes of each (Linux include/uapi/linux/hyperv.h). */
const START = 0
const DATA = 1
const COMPLETE = 2
const CANCEL = 3
const BYTES = [1088, 6196, 36, 36]
const START_BYTES = 1088
/** Fields of START and DATA (wire/06 §8). */
const AT = { name: 36, path: 556, flags: 1076, size: 1080, offset: 40, count: 48 }
const NAME_UNITS = 260
const FLAGS = 3
const OVERWRITE = 1
const BLOCK = 6144
const STATUSES: readonly number[] = Object.values(HResult)

/** A text of UTF-16 that ends in its room and is not empty. */
function isText(view: DataView, at: number): boolean {
  for (let unit = 0; unit < NAME_UNITS; unit++) if (view.getUint16(at + 2 * unit, true) === 0) return unit > 0
  return false
}

interface Copy {
  readonly size: bigint
  sent: bigint
  /** The guest has failed a message behind START: the copy has to be cancelled. */
  failed: boolean
}

function fcopyPart(watch: Watch): IcPart {
  let copy: Copy | undefined
  const owe = (): void => watch.expect('host-fcopy-goes-on', 'next', DAEMON_SECONDS, 'nothing after the last answer')

  return {
    request({ body }) {
      watch.served('host')
      watch.met('next')
      if (body.byteLength < 4) return watch.check('host-fcopy-body', false, () => `${body.byteLength} bytes`)
      const operation = body.getUint32(0, true)
      watch.check('host-fcopy-operation', operation <= CANCEL, () => `operation ${operation}`)
      watch.check('host-fcopy-body', body.byteLength === BYTES[operation], () => `${body.byteLength} bytes`)
      if (body.byteLength !== BYTES[operation]) return
      watch.check(
        'host-fcopy-order',
        operation === START ? copy === undefined : copy !== undefined && (!copy.failed || operation === CANCEL),
        () => `operation ${operation} out of order`,
      )
      if (operation === START) {
        const named = isText(body, AT.name) && isText(body, AT.path) && body.getUint32(AT.flags, true) <= FLAGS
        watch.check('host-fcopy-name', named, () => 'no name, path or flags')
      } else if (operation === DATA && copy !== undefined) {
        const [offset, count] = [body.getBigUint64(AT.offset, true), body.getUint32(AT.count, true)]
        const right = offset === copy.sent && count > 0 && count <= BLOCK && offset + BigInt(count) <= copy.size
        watch.check('host-fcopy-blocks', right, () => `${count} bytes at ${offset} after ${copy?.sent}`)
        copy.sent = offset + BigInt(count)
      } else if (operation === COMPLETE && copy !== undefined)
        watch.check('host-fcopy-blocks', copy.sent === copy.size, () => `complete after ${copy?.sent} bytes`)
    },
    answer({ body: request }, { body, status }) {
      watch.check('guest-fcopy-status', STATUSES.includes(status), () => `status ${hex(status)}`)
      watch.check('guest-fcopy-echo', isSame(request, body), () => 'the body differs')
      if (request.byteLength < 4) return
      const operation = request.getUint32(0, true)
      const ok = status === HResult.ok
      if (operation === START && request.byteLength >= START_BYTES) {
        if ((request.getUint32(AT.flags, true) & OVERWRITE) !== 0)
          watch.check('guest-fcopy-start', ok, () => `status ${hex(status)}`)
        copy = ok ? { size: request.getBigUint64(AT.size, true), sent: 0n, failed: false } : undefined
      } else if (operation === DATA || operation === COMPLETE) {
        watch.check(operation === DATA ? 'guest-fcopy-data' : 'guest-fcopy-complete', ok, () => `status ${hex(status)}`)
        if (copy !== undefined && !ok) copy.failed = true
        if (ok && operation === COMPLETE) copy = undefined
        if (ok) watch.served('guest')
      } else copy = undefined
      if (copy !== undefined) owe()
    },
  }
}

const SOURCE = 'wire/06 §8; Linux drivers/hv/hv_fcopy.c'

export const fcopyProtocol: Protocol = icProtocol({
  kind: 'fcopy',
  interfaceIds: ['34d14be3-dee4-41c8-9ae7-6b174977c192'],
  type: IcType.fcopy,
  seconds: DAEMON_SECONDS,
  serves: 'the host copies a file, and the guest takes it',
  guest: {
    'guest-fcopy-status': ['A status is one of those that the services know.', SOURCE],
    'guest-fcopy-echo': ['Each message comes back as it was sent.', 'wire/06 §1, §8'],
    'guest-fcopy-start': ['A copy that may overwrite is begun.', SOURCE],
    'guest-fcopy-data': ['A block of a copy that was begun is taken.', SOURCE],
    'guest-fcopy-complete': ['A copy whose blocks were taken is completed.', SOURCE],
  },
  host: {
    'host-fcopy-operation': ['Operations are start, data, complete and cancel.', SOURCE],
    'host-fcopy-body': ['START has 1088 bytes, DATA 6196, COMPLETE and CANCEL 36.', SOURCE],
    'host-fcopy-order': ['START, DATA, COMPLETE; after a failure behind START comes CANCEL.', SOURCE],
    'host-fcopy-name': ['START has a name and a path with their NUL, and flags that there are.', SOURCE],
    'host-fcopy-blocks': ['Blocks follow each other from 0 on, at most 6144 bytes, up to the size of START.', SOURCE],
    'host-fcopy-goes-on': ['After each answer of a copy the next message comes within 40 s.', SOURCE],
  },
  part: fcopyPart,
})
