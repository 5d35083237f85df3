import { PacketType } from '@vmbus/core'
import { BALLOON_GUEST, BALLOON_HOST } from './balloon-rules.ts'
import { CALLBACK_SECONDS, DAEMON_SECONDS } from './ic.ts'
import { protocol, type Protocol, type SeenPacket, type Session, type Watch } from './protocol.ts'

/** Messages: who hears them, and their fewest bytes (wire/07 §1). */
const VERSION = 1
const VERSION_RESPONSE = 2
const CAPABILITIES = 3
const CAPABILITIES_RESPONSE = 4
const STATUS = 5
const BALLOON = 6
const BALLOON_RESPONSE = 7
const UNBALLOON = 8
const UNBALLOON_RESPONSE = 9
const HOT_ADD = 10
const HOT_ADD_RESPONSE = 11
const INFO = 12
const MESSAGES = new Map<number, readonly [to: 'host' | 'guest', bytes: number]>([
  [VERSION, ['host', 16]],
  [VERSION_RESPONSE, ['guest', 16]],
  [CAPABILITIES, ['host', 32]],
  [CAPABILITIES_RESPONSE, ['guest', 16]],
  [STATUS, ['host', 48]],
  [BALLOON, ['guest', 16]],
  [BALLOON_RESPONSE, ['host', 16]],
  [UNBALLOON, ['guest', 16]],
  [UNBALLOON_RESPONSE, ['host', 8]],
  [HOT_ADD, ['guest', 16]],
  [HOT_ADD_RESPONSE, ['host', 16]],
  [INFO, ['guest', 16]],
])
const VERSIONS = [0x0003, 0x1_0000, 0x2_0000]
const HEADER = 8
const RANGES_AT = 16
/** Linux waits 45 s before its first report (hv_balloon.c, pressure_report_delay), and then one second between two. */
const FIRST_REPORT_SECONDS = 60
/** 100 ns: a little less than the second that lies between two reports. */
const REPORT_PACE = 9_000_000
/** Linux gives each of the two answers of the start-up so long. */
const START_SECONDS = 5
const PAGES_PER_MIB = 256
const ALIGNMENT_SHIFT = 2
const ALIGNMENT_MASK = 15

interface Run {
  readonly start: number
  readonly count: number
}

/** Start page in bits 0 to 39, count in bits 40 to 63. */
const runAt = (view: DataView, at: number): Run => {
  const word = view.getBigUint64(at, true)
  return { start: Number(word & 0xff_ffff_ffffn), count: Number(word >> 40n) }
}

/** The ranges behind a message; undefined when it does not hold them. */
function runsOf(message: DataView, count: number): readonly Run[] | undefined {
  if (RANGES_AT + 8 * count > message.byteLength) return undefined
  return Array.from({ length: count }, (_, index) => runAt(message, RANGES_AT + 8 * index))
}

type Phase = 'version' | 'capabilities' | 'idle' | 'balloon' | 'unballoon' | 'hot-add'

interface BalloonContext {
  readonly watch: Watch
  /** Pages that the guest has given up. */
  readonly given: Set<number>
  readonly state: {
    phase: Phase
    asked: number
    done: number
    /** Of the guest's last message, -1 before there is one. */
    number: number
    version: number
    /** The guest has no older version to ask for. */
    last: boolean
    reportedAt: number
    /** Pages of the blocks in which memory is added. */
    alignment: number
    capabilities: number
  }
}

function balloonSession(watch: Watch): Session {
  const ctx: BalloonContext = {
    watch,
    given: new Set(),
    state: {
      phase: 'version',
      asked: 0,
      done: 0,
      number: -1,
      version: Infinity,
      last: false,
      reportedAt: -Infinity,
      alignment: 1,
      capabilities: 0,
    },
  }
  const { state } = ctx
  const handlers = { host: guestMessages(ctx), guest: hostMessages(ctx) }
  return {
    packet({ to, type: packetType, view }: SeenPacket) {
      if (packetType === PacketType.completion) return
      const end = to === 'host' ? 'guest' : 'host'
      const [type, size] = view.byteLength < HEADER ? [0, 0] : [view.getUint16(0, true), view.getUint16(2, true)]
      const [hearer, fewest] = MESSAGES.get(type) ?? ['nobody', 0]
      const isSound = hearer === to && size >= fewest && size <= view.byteLength
      watch.check(`${end}-balloon-message`, isSound, () => `type ${type}, size ${size} in ${view.byteLength} bytes`)
      if (!isSound) return
      const isEarly = state.phase === 'version' || state.phase === 'capabilities'
      if (to === 'host') {
        const number = view.getUint32(4, true)
        watch.check(
          'guest-balloon-numbers',
          state.number < 0 || number === (state.number + 1) >>> 0,
          () => `message ${number} after ${state.number}`,
        )
        state.number = number
        const isStart = type === VERSION || type === CAPABILITIES
        watch.check('guest-balloon-order', isStart || !isEarly, () => `type ${type} before the capabilities`)
      } else {
        const isStart = type === VERSION_RESPONSE || type === CAPABILITIES_RESPONSE
        watch.check('host-balloon-order', isStart || !isEarly, () => `type ${type} before the capabilities`)
      }
      const message = new DataView(view.buffer, view.byteOffset, size)
      handlers[to][type]?.(message)
    },
  }
}

type Handlers = Readonly<Record<number, (message: DataView) => void>>

function finish({ watch, state }: BalloonContext): void {
  watch.met('answer')
  state.phase = 'idle'
}

/** Takes the pages of an answer: each is named once, until it is given back. */
function take({ given, state }: BalloonContext, runs: readonly Run[]): boolean {
  let isNew = true
  for (const { start, count } of runs) {
    isNew &&= count > 0
    for (let page = start; page < start + count; page++) {
      isNew &&= !given.has(page)
      given.add(page)
    }
    state.done += count
  }
  return isNew
}

function guestMessages(ctx: BalloonContext): Handlers {
  const { watch, state } = ctx
  return {
    [VERSION](message) {
      const version = message.getUint32(HEADER, true)
      watch.check(
        'guest-balloon-versions',
        state.phase === 'version' && VERSIONS.includes(version) && version < state.version && !state.last,
        () => `version 0x${version.toString(16)} out of order`,
      )
      state.version = version
      state.last = (message.getUint32(HEADER + 4, true) & 1) !== 0
      watch.expect('host-balloon-version', 'version', START_SECONDS, 'no answer to a version')
    },
    [CAPABILITIES](message) {
      watch.check(
        'guest-balloon-order',
        state.phase === 'capabilities' && state.capabilities++ === 0,
        () => 'capabilities out of order',
      )
      const bits = message.getUint32(HEADER, true)
      state.alignment = 2 ** ((bits >>> ALIGNMENT_SHIFT) & ALIGNMENT_MASK) * PAGES_PER_MIB
      watch.check('guest-balloon-capabilities', (bits & 1) === 1, () => `capabilities 0x${bits.toString(16)}`)
      watch.expect('host-balloon-capabilities', 'capabilities', START_SECONDS, 'no answer to the capabilities')
    },
    [STATUS](message) {
      watch.met('report')
      watch.expect('guest-balloon-reports', 'report', CALLBACK_SECONDS, 'no further report')
      const since = watch.now - state.reportedAt
      watch.check('guest-balloon-pace', since >= REPORT_PACE, () => `${since / 1e7} s after the last report`)
      state.reportedAt = watch.now
      const available = message.getBigUint64(HEADER, true)
      const committed = message.getBigUint64(HEADER + 8, true)
      const isPages = available < 1n << 40n && committed < 1n << 40n
      watch.check('guest-balloon-values', isPages, () => `${available} available, ${committed} committed`)
    },
    [BALLOON_RESPONSE](message) {
      const isAsked = state.phase === 'balloon'
      watch.check('guest-balloon-asked', isAsked, () => 'a balloon response that was not asked for')
      const word = message.getUint32(HEADER + 4, true)
      const runs = runsOf(message, word >>> 1)
      watch.check(
        'guest-balloon-ranges',
        runs !== undefined,
        () => `${word >>> 1} ranges in ${message.byteLength} bytes`,
      )
      if (runs === undefined || !isAsked) return
      watch.check('guest-balloon-once', take(ctx, runs), () => 'pages that were given up before')
      watch.check('guest-balloon-most', state.done <= state.asked, () => `${state.done} pages for ${state.asked}`)
      watch.served('guest')
      if ((word & 1) === 0 || runs.length === 0) finish(ctx)
    },
    [UNBALLOON_RESPONSE]() {
      watch.check(
        'guest-balloon-asked',
        state.phase === 'unballoon',
        () => 'an unballoon response that was not asked for',
      )
      if (state.phase === 'unballoon') finish(ctx)
    },
    [HOT_ADD_RESPONSE](message) {
      watch.check('guest-balloon-asked', state.phase === 'hot-add', () => 'a hot add response that was not asked for')
      const [pages, result] = [message.getUint32(HEADER, true), message.getUint32(HEADER + 4, true)]
      const isSound = pages <= state.asked && result <= 1 && (pages === 0 || result === 1)
      watch.check('guest-balloon-added', isSound, () => `${pages} of ${state.asked} pages, result ${result}`)
      if (state.phase === 'hot-add') finish(ctx)
    },
  }
}

function begin({ watch, state }: BalloonContext, phase: Phase, asked: number): void {
  watch.check('host-balloon-one', state.phase === 'idle', () => `a request while ${state.phase}`)
  Object.assign(state, { phase, asked, done: 0 })
  watch.expect('guest-balloon-answers', 'answer', DAEMON_SECONDS, `no answer to ${phase}`)
}

function hostMessages(ctx: BalloonContext): Handlers {
  const { watch, state, given } = ctx
  return {
    [VERSION_RESPONSE](message) {
      watch.check('host-balloon-version', watch.met('version'), () => 'nobody asked')
      if ((message.getUint32(HEADER, true) & 1) === 0) return
      watch.check('host-balloon-version', VERSIONS.includes(state.version), () => 'a version that there is not')
      state.phase = 'capabilities'
    },
    [CAPABILITIES_RESPONSE](message) {
      watch.check('host-balloon-capabilities', watch.met('capabilities'), () => 'nobody asked')
      if ((message.getUint32(HEADER, true) & 1) === 0) return
      state.phase = 'idle'
      watch.expect('guest-balloon-reports', 'report', FIRST_REPORT_SECONDS, 'no report')
    },
    [BALLOON](message) {
      const pages = message.getUint32(HEADER, true)
      watch.check('host-balloon-pages', pages > 0, () => 'a request for nothing')
      watch.served('host')
      begin(ctx, 'balloon', pages)
    },
    [UNBALLOON](message) {
      const more = message.getUint32(HEADER, true) & 1
      const runs = runsOf(message, message.getUint32(HEADER + 4, true))
      watch.check('host-balloon-ranges', runs !== undefined, () => 'fewer ranges than it counts')
      if (!watch.met('more')) begin(ctx, 'unballoon', 0)
      if (more === 1) watch.expect('host-balloon-ranges', 'more', CALLBACK_SECONDS, 'no more of the ranges')
      const pages = (runs ?? []).flatMap(({ start, count }) => Array.from({ length: count }, (_, at) => start + at))
      watch.check(
        'host-balloon-returns',
        pages.every((page) => given.delete(page)),
        () => 'pages that it was not given',
      )
    },
    [HOT_ADD](message) {
      const range = runAt(message, HEADER)
      const region = message.byteLength >= HEADER + 16 ? runAt(message, HEADER + 8) : range
      const isAligned =
        message.byteLength < HEADER + 16 ||
        (region.start % state.alignment === 0 && region.count % state.alignment === 0)
      const isInside =
        range.count > 0 && range.start >= region.start && range.start + range.count <= region.start + region.count
      watch.check('host-balloon-region', isAligned && isInside, () => `${range.count} pages at ${range.start}`)
      begin(ctx, 'hot-add', range.count)
    },
    [INFO](message) {
      const bytes = message.getUint32(HEADER + 4, true)
      watch.check(
        'host-balloon-message',
        RANGES_AT + bytes <= message.byteLength,
        () => `${bytes} bytes of information`,
      )
    },
  }
}

export const balloonProtocol: Protocol = protocol({
  kind: 'balloon',
  interfaceIds: ['525074dc-8985-46e2-8057-a307dc18a502'],
  serves: 'the host asks for memory, and the guest gives it or says that it has none',
  guest: BALLOON_GUEST,
  host: BALLOON_HOST,
  session: balloonSession,
})
