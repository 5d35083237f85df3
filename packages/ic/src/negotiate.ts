import { list, object, u32, type Shape } from '@vmbus/world'
import { At, MAX_VERSION_COUNT, PIPE_DATA, IcFlags, IcType, type IcVersion } from './protocol.ts'

/** The versions that one end speaks. */
export interface IcVersions {
  readonly framework: readonly IcVersion[]
  readonly message: readonly IcVersion[]
}

export interface Negotiated {
  readonly framework: IcVersion
  readonly message: IcVersion
}

/** One version of each kind at least, and no more of a kind than all that Linux reads. */
export const icVersions: Shape<IcVersions> = object<IcVersions>({
  framework: list(u32, 1, MAX_VERSION_COUNT),
  message: list(u32, 1, MAX_VERSION_COUNT),
})

export const newestOf = ({ framework, message }: IcVersions): Negotiated => ({
  framework: Math.max(...framework),
  message: Math.max(...message),
})

const ascending = (versions: readonly IcVersion[]): IcVersion[] => [...versions].sort((a, b) => a - b)

/** A host's negotiation message: everything it speaks, ascending as OpenVMM lists it. */
export function negotiationRequest(versions: IcVersions): Uint8Array {
  const list = [...ascending(versions.framework), ...ascending(versions.message)]
  const bytes = new Uint8Array(At.body + 8 + 4 * list.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(At.pipeType, PIPE_DATA, true)
  view.setUint32(At.pipeSize, bytes.length - 8, true)
  view.setUint16(At.type, IcType.negotiate, true)
  view.setUint16(At.size, bytes.length - At.body, true)
  view.setUint8(At.flags, IcFlags.transaction | IcFlags.request)
  view.setUint16(At.body, versions.framework.length, true)
  view.setUint16(At.body + 2, versions.message.length, true)
  list.forEach((version, i) => {
    view.setUint16(At.body + 8 + 4 * i, version >>> 16, true)
    view.setUint16(At.body + 10 + 4 * i, version & 0xffff, true)
  })
  return bytes
}

/** What a host makes of the guest's answer: exactly one version of each kind, and ones that it offered; else undefined. */
export function negotiationAnswer(view: DataView, length: number, offered: IcVersions): Negotiated | undefined {
  if (length < At.body + 16) return undefined
  if (view.getUint16(At.body, true) !== 1 || view.getUint16(At.body + 2, true) !== 1) return undefined
  const framework = readVersion(view, At.body + 8)
  const message = readVersion(view, At.body + 12)
  if (!offered.framework.includes(framework) || !offered.message.includes(message)) return undefined
  return { framework, message }
}

const readVersion = (view: DataView, at: number): IcVersion =>
  (view.getUint16(at, true) << 16) | view.getUint16(at + 2, true)

/** A driver's own choice among what the host offers, each list in the host's order; undefined when nothing suits it. */
export type IcChoice = (offered: IcVersions) => Negotiated | undefined

/**
 * How a guest picks from the host's list: Linux wants an exact match, FreeBSD from 10.4 the host's best that is not above
 * its own maximum, FreeBSD before it has a rule of its own.
 */
export type MatchPolicy = 'exact' | 'at-most' | IcChoice

function pick(
  own: readonly IcVersion[],
  offered: readonly IcVersion[],
  policy: 'exact' | 'at-most',
): IcVersion | undefined {
  const limit = Math.max(...own)
  const usable = offered.filter((version) => (policy === 'exact' ? own.includes(version) : version <= limit))
  return usable.length === 0 ? undefined : Math.max(...usable)
}

function choose(own: IcVersions, offered: IcVersions, policy: MatchPolicy): Negotiated | undefined {
  if (typeof policy === 'function') return policy(offered)
  const framework = pick(own.framework, offered.framework, policy)
  const message = pick(own.message, offered.message, policy)
  return framework === undefined || message === undefined ? undefined : { framework, message }
}

/**
 * Answers a negotiation in place (`view` is the guest's own copy of the payload). Returns the versions, or undefined
 * when there is no common one or the message is malformed; what then is on the wire is Linux's answer, counts of zero
 * with the version words that Linux leaves (drivers/hv/channel_mgmt.c, vmbus_prep_negotiate_resp).
 */
export function answerNegotiation(
  view: DataView,
  length: number,
  own: IcVersions,
  policy: MatchPolicy,
): Negotiated | undefined {
  if (length < At.body + 8) return undefined
  const frameworks = view.getUint16(At.body, true)
  const messages = view.getUint16(At.body + 2, true)
  const total = frameworks + messages
  const wellFormed = frameworks > 0 && messages > 0 && total <= MAX_VERSION_COUNT && At.body + 8 + 4 * total <= length
  const list = At.body + 8
  const versions = (from: number, count: number): IcVersion[] =>
    Array.from({ length: count }, (_, i) => readVersion(view, list + 4 * (from + i)))
  const agreed = wellFormed
    ? choose(own, { framework: versions(0, frameworks), message: versions(frameworks, messages) }, policy)
    : undefined
  const count = agreed === undefined ? 0 : 1
  view.setUint16(At.body, count, true)
  view.setUint16(At.body + 2, count, true)
  if (length >= At.body + 16) {
    const { framework, message } = agreed ?? { framework: frameworks << 16, message: messages << 16 }
    view.setUint16(list, framework >>> 16, true)
    view.setUint16(list + 2, framework & 0xffff, true)
    view.setUint16(list + 4, message >>> 16, true)
    view.setUint16(list + 6, message & 0xffff, true)
  }
  view.setUint16(At.size, 0x10, true)
  return agreed
}
