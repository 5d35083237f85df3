import fc from 'fast-check'
import { byGuest, fails, works } from './arrive.ts'
import { isTcp, tcpFrame, tcpOf, type FlowEnd } from './frames.ts'
import { ADDRESS, netReads, noTools, older, plugged } from './network.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const PORT = 5001

const sends = fc.array(
  fc.oneof(
    fc.record({ payload: fc.integer({ min: 1500, max: 60_000 }), segment: fc.integer({ min: 536, max: 1460 }) }),
    fc.record({ payload: fc.integer({ min: 1, max: 1460 }), segment: fc.constant(undefined) }),
  ),
  { minLength: 1, maxLength: 4, size: 'max' },
)

interface Send {
  readonly payload: number
  readonly segment: number | undefined
}

/** What leaves the host is cut where it is to be cut, whole, in order, and its checksums are right. */
async function sent(stage: Stage, list: readonly Send[]): Promise<boolean | string> {
  const { lan } = stage
  const net = stage.net()
  const from: FlowEnd = { mac: net.mac, address: ADDRESS, port: PORT }
  const to: FlowEnd = { mac: lan.mac, address: lan.address, port: PORT }
  for (const { payload, segment } of list) {
    const seen: ReturnType<typeof tcpOf>[] = []
    const stop = lan.switch.capture(({ port, direction, bytes }) => {
      if (port === lan.port.name && direction === 'outbound' && isTcp(bytes)) seen.push(tcpOf(bytes))
    })
    net.send(tcpFrame(from, to, payload), segment === undefined ? { checksum: true } : { segment })
    const total = (): number => seen.reduce((sum, piece) => sum + piece.payload, 0)
    await stage.until(() => total() >= payload, 1)
    stop()
    if (total() !== payload) return `of ${payload} bytes ${total()} leave`
    const most = segment ?? payload
    if (seen.some((piece, index) => piece.at !== index * most || piece.payload > most)) return 'the pieces are others'
    if (seen.some(({ isRight }) => !isRight)) return 'a checksum is wrong'
  }
  return true
}

export const tsoChecksumProbe: Probe = {
  id: 'tso-checksum',
  feature: 'tso-checksum',
  version: 1,
  world: 'network',
  reads: { ...netReads('tso', ['tso', 'checksum']), linux: ['vmbus', 'netvsc', 'tso', 'checksum'] },
  bytes: ['netvsc'],
  control: { tso: false },
  async measure(stage) {
    const found = await plugged(stage)
    if (found !== undefined) return found
    const { guest } = stage
    const { offloads } = stage.net()
    if (offloads === undefined) return noTools('leaves work to an adapter')
    for (const [field, has] of [
      ['checksum', offloads.checksum],
      ['tso', offloads.segment],
    ] as const)
      if (!has) return fails(`the adapter does no ${field}`, guest[field] === true ? older(stage) : byGuest(field))
    const end = await stage.property('segments', sends, (list) => sent(stage, list))
    return end.held ? works : fails(end.reason, byGuest('tso'))
  },
}
