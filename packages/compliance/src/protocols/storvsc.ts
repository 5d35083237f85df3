import { PacketType } from '@vmbus/core'
import { CALLBACK_SECONDS } from './ic.ts'
import { hex, protocol, type Protocol, type SeenPacket, type Session, type Watch } from './protocol.ts'
import { answer, request, type ScsiRequest } from './storvsc-request.ts'

/** Operations (wire/05 §1). */
const COMPLETE = 1
const REMOVE = 2
const EXECUTE = 3
const RESET_BUS = 6
const BEGIN = 7
const END = 8
const QUERY_VERSION = 9
const QUERY_PROPERTIES = 10
const ENUMERATE = 11
const FCHBA = 12
const CREATE = 13
const NOTIFICATION = 14
const VERSIONS = [0x0200, 0x0402, 0x0501, 0x0600, 0x0602]
const LONG_SINCE = 0x0501
const ENUMERATE_SINCE = 0x0402
const LONG = 64
const SHORT = 48
const REVISION_MISMATCH = 0xc000_0059
const MULTI_CHANNEL = 1
const LEAST_TRANSFER = 4096

type Phase = 'begin' | 'version' | 'properties' | 'end' | 'ready'

/** A packet that waits for its completion. */
interface Pending {
  readonly operation: number
  readonly bytes: number
  readonly subchannel: number
  readonly word: number
  readonly scsi: ScsiRequest | undefined
}

/** The operation that takes a driver from a phase to the next one. */
const NEXT: Readonly<Record<number, readonly [from: Phase, to: Phase]>> = {
  [BEGIN]: ['begin', 'version'],
  [QUERY_VERSION]: ['version', 'properties'],
  [QUERY_PROPERTIES]: ['properties', 'end'],
  [END]: ['end', 'ready'],
}
const STEP_RULES: Readonly<Record<number, string>> = {
  [BEGIN]: 'guest-storvsc-begin',
  [QUERY_VERSION]: 'guest-storvsc-version',
  [QUERY_PROPERTIES]: 'guest-storvsc-properties',
  [END]: 'guest-storvsc-end',
}

interface StorvscContext {
  readonly watch: Watch
  readonly pending: Map<bigint, Pending>
  readonly state: {
    phase: Phase
    /** The version asked for last. */
    asked: number
    version: number
    /** Bytes of a transfer. */
    most: number
    subchannels: number
    /** Subchannels that were asked for, -1 before. */
    made: number
  }
}

function storvscSession(watch: Watch): Session {
  const ctx: StorvscContext = {
    watch,
    pending: new Map(),
    state: { phase: 'begin', asked: Infinity, version: 0, most: Infinity, subchannels: 0, made: -1 },
  }
  const { state } = ctx
  return {
    packet(seen) {
      if (seen.to === 'host') return seen.type === PacketType.completion ? undefined : fromGuest(ctx, seen)
      if (seen.type === PacketType.completion) completed(ctx, seen)
      else unsolicited(ctx, seen)
    },
    message() {
      if (state.made < 0) return
      const offered = watch.subchannels
      watch.check('host-storvsc-subchannels', offered <= state.made, () => `${offered} subchannels for ${state.made}`)
      if (offered === state.made) watch.met('subchannels')
    },
  }
}

function step(ctx: StorvscContext, operation: number, view: DataView): void {
  const { watch, state } = ctx
  const [from] = NEXT[operation] ?? []
  const rule = STEP_RULES[operation]
  if (rule !== undefined) watch.check(rule, state.phase === from, () => `operation ${operation} in ${state.phase}`)
  const word = view.byteLength < 14 ? 0 : view.getUint16(12, true)
  if (operation === QUERY_VERSION) {
    const isNext = VERSIONS.includes(word) && word < state.asked
    watch.check('guest-storvsc-versions', isNext, () => `version ${hex(word)} after ${hex(state.asked)}`)
    state.asked = word
  }
  if (operation === CREATE) {
    const isTime = state.phase === 'end' || state.phase === 'ready'
    const isFew = word > 0 && word <= state.subchannels && state.made < 0
    watch.check('guest-storvsc-subchannels', isTime && isFew, () => `${word} of ${state.subchannels} subchannels`)
  }
}

function fromGuest(ctx: StorvscContext, seen: SeenPacket): void {
  const { watch, state, pending } = ctx
  const { view, transaction, subchannel } = seen
  if (view.byteLength < 12) return watch.check('guest-storvsc-size', false, () => `${view.byteLength} bytes`)
  const operation = view.getUint32(0, true)
  const isLong = state.version >= LONG_SINCE
  const sizes = isLong ? [LONG] : [SHORT, LONG]
  watch.check('guest-storvsc-size', sizes.includes(view.byteLength), () => `${view.byteLength} bytes`)
  watch.check(
    'guest-storvsc-wants',
    seen.wantsCompletion && (view.getUint32(4, true) & 1) !== 0,
    () => `operation ${operation} wants no completion`,
  )
  watch.check(
    'guest-storvsc-operation',
    (operation >= EXECUTE && operation <= QUERY_PROPERTIES) || operation === FCHBA || operation === CREATE,
    () => `operation ${operation}`,
  )
  watch.check(
    'guest-storvsc-id',
    transaction !== 0n && !pending.has(transaction),
    () => `id ${transaction} of operation ${operation}`,
  )
  const isRequest = operation >= EXECUTE && operation <= RESET_BUS
  watch.check('guest-storvsc-primary', isRequest || subchannel === 0, () => `operation ${operation} on a subchannel`)
  if (isRequest)
    watch.check('guest-storvsc-early', state.phase === 'ready', () => `operation ${operation} in ${state.phase}`)
  else step(ctx, operation, view)
  const scsi = operation === EXECUTE && view.byteLength >= SHORT ? request(watch, seen, isLong, state.most) : undefined
  const word = view.byteLength < 14 ? 0 : view.getUint16(12, true)
  pending.set(transaction, { operation, bytes: view.byteLength, subchannel, word, scsi })
  watch.expect('host-storvsc-answers', `${transaction}`, CALLBACK_SECONDS, `no answer to operation ${operation}`)
}

function properties(ctx: StorvscContext, view: DataView): void {
  const { watch, state } = ctx
  state.most = view.getUint32(24, true)
  const isMulti = (view.getUint32(20, true) & MULTI_CHANNEL) !== 0
  state.subchannels = isMulti ? view.getUint16(16, true) : 0
  watch.check(
    'host-storvsc-properties',
    state.most >= LEAST_TRANSFER && (!isMulti || state.version >= LONG_SINCE),
    () => `${state.most} bytes, ${state.subchannels} subchannels`,
  )
}

/** The answer to a packet of the set-up. */
function stepped(ctx: StorvscContext, { operation, word }: Pending, view: DataView): void {
  const { watch, state } = ctx
  const status = view.getUint32(8, true)
  const [from, to] = NEXT[operation] ?? []
  if (operation === QUERY_VERSION) {
    const isSound = (status === 0 || status === REVISION_MISMATCH) && view.getUint16(12, true) === word
    watch.check('host-storvsc-version', isSound, () => `version ${hex(word)}: status ${hex(status)}`)
    if (status === 0) state.version = word
  } else if (operation !== FCHBA)
    watch.check('host-storvsc-setup', status === 0, () => `operation ${operation}: status ${hex(status)}`)
  if (status !== 0) return
  if (operation === QUERY_PROPERTIES) properties(ctx, view)
  if (operation === CREATE) {
    state.made = word
    watch.expect('host-storvsc-subchannels', 'subchannels', CALLBACK_SECONDS, `fewer than ${word} subchannels offered`)
  }
  if (to !== undefined && state.phase === from) state.phase = to
}

function completed(ctx: StorvscContext, { view, transaction, subchannel }: SeenPacket): void {
  const { watch, state, pending } = ctx
  const given = pending.get(transaction)
  watch.met(`${transaction}`)
  pending.delete(transaction)
  // Nobody waits for it: that is judged for every device.
  if (given === undefined) return
  watch.check('host-storvsc-size', view.byteLength === given.bytes, () => `${view.byteLength} for ${given.bytes} bytes`)
  watch.check('host-storvsc-channel', subchannel === given.subchannel, () => `answered on channel ${subchannel}`)
  if (view.byteLength < SHORT) return
  const operation = view.getUint32(0, true)
  watch.check('host-storvsc-operation', operation === COMPLETE, () => `operation ${operation}`)
  if (given.operation > RESET_BUS) return stepped(ctx, given, view)
  if (given.scsi === undefined || state.phase !== 'ready') return
  watch.served('guest')
  if (answer(watch, given.scsi, view)) watch.served('host')
}

function unsolicited(ctx: StorvscContext, { type, view, transaction, wantsCompletion }: SeenPacket): void {
  const { watch, state } = ctx
  const operation = view.byteLength < 4 ? 0 : view.getUint32(0, true)
  const known =
    [REMOVE, FCHBA, NOTIFICATION].includes(operation) || (operation === ENUMERATE && state.version >= ENUMERATE_SINCE)
  watch.check(
    'host-storvsc-unsolicited',
    known && type === PacketType.inBand && transaction === 0n && !wantsCompletion && state.phase === 'ready',
    () => `operation ${operation} with id ${transaction} in ${state.phase}`,
  )
}

const LINUX = 'Linux drivers/scsi/storvsc_drv.c'

export const storvscProtocol: Protocol = protocol({
  kind: 'storvsc',
  interfaceIds: [
    'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f',
    '32412632-86cb-44a2-9b5c-50d1417354f5',
    '2f9bcc4a-0069-4af3-b76b-6fd0be528cda',
  ],
  serves: 'the driver sends a command to a unit, and the host does one',
  guest: {
    'guest-storvsc-size': ['A packet has 64 bytes; 48 up to version 4.2.', 'wire/05 §1'],
    'guest-storvsc-wants': ['Every packet wants its completion, in its descriptor and in its flags.', 'wire/05 §1, §2'],
    'guest-storvsc-operation': ['Operations are those of a guest.', 'wire/05 §1'],
    'guest-storvsc-id': ['Transaction ids are not 0 and not in use.', `wire/03 §6; ${LINUX}`],
    'guest-storvsc-primary': ['The set-up goes over the primary channel.', 'wire/05 §2'],
    'guest-storvsc-begin': ['The set-up begins with BEGIN_INITIALIZATION, once.', 'wire/05 §2'],
    'guest-storvsc-version': ['Versions are asked for after BEGIN, until one is accepted.', 'wire/05 §2'],
    'guest-storvsc-versions': ['Versions are those that there are, from the newest down.', `wire/05 §1; ${LINUX}`],
    'guest-storvsc-properties': ['QUERY_PROPERTIES follows the version, once.', 'wire/05 §2'],
    'guest-storvsc-end': ['END_INITIALIZATION follows the properties, once.', 'wire/05 §2'],
    'guest-storvsc-early': ['Commands and resets follow END_INITIALIZATION.', 'wire/05 §2'],
    'guest-storvsc-subchannels': [
      'Subchannels are asked for once, behind the properties, and no more than these say.',
      'wire/05 §2',
    ],
    'guest-storvsc-request': ['A request says its length: 52 bytes, 36 up to version 4.2.', 'wire/05 §1'],
    'guest-storvsc-cdb': ['A CDB is as long as its opcode needs, and at most 16 bytes.', 'wire/05 §1; SPC-4 §4.2.5.1'],
    'guest-storvsc-sense': ['There is room for 20 bytes of sense data, 18 up to version 4.2.', `wire/05 §1; ${LINUX}`],
    'guest-storvsc-direction': ['data_in is write, read or none, and none only without data.', 'wire/05 §1'],
    'guest-storvsc-flags': ['SRB flags of direction are those of data_in.', `wire/05 §3; ${LINUX}`],
    'guest-storvsc-range': ['Data is in one range as long as the transfer; without data there is none.', 'wire/05 §3'],
    'guest-storvsc-most': ['No transfer is longer than the properties say.', 'wire/05 §1, §4'],
    'guest-storvsc-blocks': ['A read or write moves whole blocks of 512, 2048 or 4096 bytes.', 'wire/05 §3; SBC-3'],
  },
  host: {
    'host-storvsc-answers': ['Each packet is completed within 10 s.', 'wire/05 §2, §3'],
    'host-storvsc-size': ['A completion is as long as its request.', 'wire/05 §3'],
    'host-storvsc-channel': ['A completion comes on the channel of its request.', 'wire/05 §3'],
    'host-storvsc-operation': ['Every completion is a COMPLETE_IO.', 'wire/05 §1'],
    'host-storvsc-setup': ['What comes in order is done.', 'wire/05 §2'],
    'host-storvsc-version': ['A version is accepted or a revision mismatch, and named in the answer.', 'wire/05 §2'],
    'host-storvsc-properties': ['Properties allow a page, and subchannels from version 5.1 on.', 'wire/05 §1, §2'],
    'host-storvsc-subchannels': ['As many subchannels are offered as were granted, within 10 s.', 'wire/05 §2'],
    'host-storvsc-unsolicited': [
      'What the host begins has id 0, wants no completion, and comes after the set-up; ENUMERATE_BUS from 4.2 on.',
      'wire/05 §3',
    ],
    'host-storvsc-srb': ['SRB and SCSI statuses are such as there are, and final.', 'wire/05 §3; SAM-4 §5.3.1'],
    'host-storvsc-good': ['A successful SRB has the SCSI status GOOD.', 'wire/05 §3'],
    'host-storvsc-status': ['The status of the packet follows from that of the SRB.', 'wire/05 §3'],
    'host-storvsc-sense': [
      'CHECK CONDITION comes with 1 to 20 bytes of sense data of a format that there is, and sense data with it.',
      'wire/05 §3; SPC-4 §4.5',
    ],
    'host-storvsc-length': ['No more is transferred than was asked for.', 'wire/05 §3'],
    'host-storvsc-whole': ['A read or write that succeeds transfers everything.', 'wire/05 §3'],
  },
  session: storvscSession,
})
