import { PacketType } from '@vmbus/core'
import { At, IcFlags, IcType, PIPE_DATA } from '@vmbus/ic'
import { ruleTable } from '../rules/rule.ts'
import { hex, protocol, type Protocol, type SeenPacket, type Session, type Watch } from './protocol.ts'

/** Seconds for an answer that a driver gives in its callback (Linux drivers/hv/hv_util.c), and for one of a daemon, which Linux gives 30. */
export const CALLBACK_SECONDS = 10
export const DAEMON_SECONDS = 40
/** Linux drivers/hv/channel_mgmt.c, IC_VERSION_NEGOTIATION_MAX_VER_COUNT. */
const MOST_VERSIONS = 100
const NEGOTIATION_BODY = 16

/** What every driver of an integration component owes its host. */
const IC_GUEST_RULES = ruleTable({
  'guest-ic-framing': [
    'A message is pipe data whose lengths agree: pipe, component and packet.',
    'wire/06 §1; Linux include/linux/hyperv.h, vmbuspipe_hdr, icmsg_hdr',
  ],
  'guest-ic-flags': ['An answer has the flags transaction and response, and no other.', 'wire/06 §1'],
  'guest-ic-answer': [
    'Each request is answered once, by its transaction id, within 10 s, or 40 s where a daemon answers.',
    'wire/06 §1; Linux drivers/hv/hv_util.c',
  ],
  'guest-ic-echo': ['An answer has type, versions and lengths of its request.', 'wire/06 §1'],
  'guest-ic-versions': [
    'A negotiation is answered with one framework and one message version that the host named, or with none.',
    'Linux drivers/hv/channel_mgmt.c, vmbus_prep_negotiate_resp',
  ],
  'guest-ic-accepted': ['The host drops nothing of what the guest answers.', 'packages/ic: IC_HOST_REJECTS'],
})

/** What every integration component owes a driver. */
const IC_HOST_RULES = ruleTable({
  'host-ic-negotiates': ['The first message after an opening is a negotiation, within 10 s.', 'wire/06 §2'],
  'host-ic-framing': [
    'A message is pipe data whose lengths agree, with the flags transaction and request.',
    'wire/06 §1',
  ],
  'host-ic-one': ['The next message comes after the answer to the one before.', 'wire/06 §1; wire/03 §4'],
  'host-ic-offers': ['A negotiation names 1 to 100 versions, of each kind at least one.', 'wire/06 §2'],
  'host-ic-versions': ['Requests carry the versions that were agreed on, and there are none before.', 'wire/06 §2'],
  'host-ic-type': ['Requests are of the type of their component.', 'wire/06 §1'],
  'host-ic-accepted': ['A correct driver drops nothing of what the host asks.', 'packages/ic: IC_GUEST_REJECTS'],
})

/** One message of a component. Bodies are bytes after the component's header. */
export interface IcMessage {
  readonly body: DataView
  readonly type: number
  readonly status: number
  readonly flags: number
  readonly transaction: number
  /** Message version that was agreed on, major << 16 | minor. */
  readonly version: number
  readonly framework: number
}

/** What a component adds. */
export interface IcPart {
  request?(asked: IcMessage): void
  answer?(asked: IcMessage, answer: IcMessage): void
  agreed?(): void
}

const wordAt = (view: DataView, at: number): number => (view.getUint16(at, true) << 16) | view.getUint16(at + 2, true)
const versionText = (version: number): string => `${version >>> 16}.${version & 0xffff}`

/** The message in a packet, undefined when its lengths do not agree. */
function messageOf(view: DataView): IcMessage | undefined {
  if (view.byteLength < At.body || view.getUint32(At.pipeType, true) !== PIPE_DATA) return undefined
  const bytes = view.getUint32(At.pipeSize, true)
  const size = view.getUint16(At.size, true)
  if (bytes < At.body - 8 || bytes + 8 > view.byteLength || At.body + size > bytes + 8) return undefined
  const copy = new Uint8Array(view.buffer, view.byteOffset + At.body, size).slice()
  return {
    body: new DataView(copy.buffer),
    type: view.getUint16(At.type, true),
    status: view.getUint32(At.status, true),
    flags: view.getUint8(At.flags),
    transaction: view.getUint8(At.transaction),
    version: wordAt(view, At.version),
    framework: wordAt(view, At.framework),
  }
}

/** The versions that a negotiation names, framework and message ones; undefined when it is cut. */
function versionsOf({ body }: IcMessage): readonly (readonly number[])[] | undefined {
  if (body.byteLength < 8) return undefined
  const counts = [body.getUint16(0, true), body.getUint16(2, true)]
  const lists: number[][] = [[], []]
  let at = 8
  for (const [kind, count] of counts.entries())
    for (let i = 0; i < count; i++, at += 4) {
      if (at + 4 > body.byteLength) return undefined
      lists[kind]?.push(wordAt(body, at))
    }
  return lists
}

export function icSession(watch: Watch, type: number, seconds: number, part: IcPart): Session {
  const waiting = new Map<number, IcMessage>()
  let agreed: readonly [framework: number, message: number] | undefined
  for (const rule of ['guest-ic-accepted', 'host-ic-accepted']) watch.check(rule, true, () => '')
  watch.expect('host-ic-negotiates', 'negotiation', CALLBACK_SECONDS, 'no negotiation')

  function asked(message: IcMessage): void {
    const isNegotiation = message.type === IcType.negotiate
    watch.check('host-ic-one', waiting.size === 0, () => 'a message before the answer to the one before')
    if (isNegotiation) {
      watch.met('negotiation')
      const lists = versionsOf(message)
      const count = (lists?.[0]?.length ?? 0) + (lists?.[1]?.length ?? 0)
      watch.check(
        'host-ic-offers',
        lists !== undefined && lists.every((list) => list.length > 0) && count <= MOST_VERSIONS,
        () => `${count} versions`,
      )
    } else {
      watch.check('host-ic-negotiates', !watch.met('negotiation'), () => `a request of type ${message.type} first`)
      watch.check(
        'host-ic-versions',
        agreed !== undefined && message.framework === agreed[0] && message.version === agreed[1],
        () => `a request with ${versionText(message.framework)} and ${versionText(message.version)}`,
      )
      watch.check('host-ic-type', message.type === type, () => `a request of type ${message.type}`)
    }
    waiting.set(message.transaction, message)
    watch.expect('guest-ic-answer', `answer ${message.transaction}`, seconds, `no answer to type ${message.type}`)
    if (!isNegotiation) part.request?.(message)
  }

  function negotiated(request: IcMessage, answer: IcMessage): void {
    const offered = versionsOf(request) ?? []
    const chosen = answer.body.byteLength >= NEGOTIATION_BODY ? versionsOf(answer) : undefined
    const isChoice =
      chosen !== undefined &&
      chosen.every((list) => list.length === 1) &&
      chosen.every((list, kind) => list.every((each) => offered[kind]?.includes(each)))
    const isNone = answer.body.byteLength >= 4 && answer.body.getUint32(0, true) === 0
    watch.check('guest-ic-versions', isChoice || isNone, () =>
      (chosen ?? [])
        .map((list, kind) => `${kind === 0 ? 'framework' : 'message'} versions ${list.map(versionText).join(', ')}`)
        .join('; '),
    )
    const [framework] = chosen?.[0] ?? []
    const [message] = chosen?.[1] ?? []
    agreed = isChoice && framework !== undefined && message !== undefined ? [framework, message] : undefined
    if (agreed !== undefined) part.agreed?.()
  }

  function answered(message: IcMessage): void {
    watch.check(
      'guest-ic-flags',
      message.flags === (IcFlags.transaction | IcFlags.response),
      () => `flags ${hex(message.flags)}`,
    )
    const request = waiting.get(message.transaction)
    waiting.delete(message.transaction)
    watch.met(`answer ${message.transaction}`)
    watch.check('guest-ic-answer', request !== undefined, () => 'an answer that nobody waits for')
    if (request === undefined) return
    const isNegotiation = request.type === IcType.negotiate
    const isEcho =
      message.type === request.type &&
      (isNegotiation ||
        (message.version === request.version &&
          message.framework === request.framework &&
          message.body.byteLength === request.body.byteLength))
    watch.check('guest-ic-echo', isEcho, () => `type ${message.type}, ${message.body.byteLength} bytes`)
    if (!isEcho) return
    if (isNegotiation) negotiated(request, message)
    else part.answer?.(request, message)
  }

  return {
    packet({ to, type: packetType, view }: SeenPacket) {
      // Nothing here asks for a completion: one is judged as such.
      if (packetType === PacketType.completion) return
      const message = messageOf(view)
      const isRequest = message?.flags === (IcFlags.transaction | IcFlags.request)
      if (to === 'guest') {
        watch.check('host-ic-framing', isRequest, () => `${view.byteLength} bytes, flags ${message?.flags}`)
        if (message !== undefined && isRequest) asked(message)
      } else {
        watch.check('guest-ic-framing', message !== undefined, () => `${view.byteLength} bytes`)
        if (message !== undefined) answered(message)
      }
    },
  }
}

/** The protocol of one component: its own rules on top of those of all. */
export function icProtocol<G extends string, H extends string>(given: {
  readonly kind: string
  readonly interfaceIds: readonly string[]
  readonly type: number
  readonly seconds: number
  readonly serves: string
  readonly guest: Parameters<typeof protocol<G, H>>[0]['guest']
  readonly host: Parameters<typeof protocol<G, H>>[0]['host']
  readonly part: (watch: Watch) => IcPart
}): Protocol {
  const { part, type, seconds } = given
  const made = protocol({ ...given, session: (watch) => icSession(watch, type, seconds, part(watch)) })
  return { ...made, guest: [...IC_GUEST_RULES.all, ...made.guest], host: [...IC_HOST_RULES.all, ...made.host] }
}

/** The body came back as it was, but for `count` bytes at `from`. */
export function isSame(a: DataView, b: DataView, from = 0, count = 0): boolean {
  if (a.byteLength !== b.byteLength) return false
  for (let at = 0; at < a.byteLength; at++)
    if ((at < from || at >= from + count) && a.getUint8(at) !== b.getUint8(at)) return false
  return true
}
