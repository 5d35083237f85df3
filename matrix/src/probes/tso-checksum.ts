import fc from 'fast-check'
import { byGuest, fails, noSource, works } from './arrive.ts'
import { isTcp, tcpFrame, tcpOf, type FlowEnd } from './frames.ts'
import { ADDRESS, netReads, older, plugged } from './network.ts'
import type { Finding, Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const PORT = 5001

const large = fc.record({
  payload: fc.integer({ min: 6000, max: 60_000 }),
  segment: fc.integer({ min: 536, max: 1460 }),
})
const small = fc.record({ payload: fc.integer({ min: 1, max: 1460 }), segment: fc.constant(undefined) })
/** One that is to be cut at least. */
const sends = fc
  .tuple(large, fc.array(fc.oneof(large, small), { maxLength: 3, size: 'max' }))
  .map(([first, more]) => [first, ...more])

interface Send {
  readonly payload: number
  readonly segment: number | undefined
}

/** Each send is fewer packets to the host than it is cut into; what leaves that is cut where it is to be cut, whole, in order, and its checksums are right. */
async function sent(stage: Stage, packets: () => number, list: readonly Send[]): Promise<boolean | string> {
  const { lan } = stage
  const net = stage.net()
  const from: FlowEnd = { mac: net.mac, address: ADDRESS, port: PORT }
  const to: FlowEnd = { mac: lan.mac, address: lan.address, port: PORT }
  for (const { payload, segment } of list) {
    const seen: ReturnType<typeof tcpOf>[] = []
    const stop = lan.switch.capture(({ port, direction, bytes }) => {
      if (port === lan.port.name && direction === 'outbound' && isTcp(bytes)) seen.push(tcpOf(bytes))
    })
    const before = packets()
    net.send(tcpFrame(from, to, payload), segment === undefined ? { checksum: true } : { segment })
    const total = (): number => seen.reduce((sum, piece) => sum + piece.payload, 0)
    await stage.until(() => total() >= payload, 1)
    stop()
    // The system may send a packet of its own meanwhile, such as an answer of ARP.
    if (segment !== undefined && packets() - before >= Math.ceil(payload / segment))
      return 'the guest cuts segments itself'
    if (total() !== payload) return `of ${payload} bytes ${total()} leave`
    const most = segment ?? payload
    if (seen.some((piece, index) => piece.at !== index * most || piece.payload > most)) return 'the pieces are others'
    if (seen.some(({ isRight, isOurs }) => !isRight || !isOurs)) return 'a checksum is wrong, or other bytes leave'
  }
  return true
}

export const tsoChecksumProbe: Probe = {
  id: 'tso-checksum',
  feature: 'tso-checksum',
  version: 5,
  world: 'network',
  reads: { ...netReads('tso', ['tso', 'checksum']), linux: ['vmbus', 'netvsc', 'tso', 'checksum'] },
  bytes: ['netvsc'],
  control: { tso: false },
  async measure(stage) {
    const found = await plugged(stage)
    if (found !== undefined) return found
    const { guest } = stage
    const { offloads } = stage.net()
    if (offloads === undefined) return noSource('which segments and checksums netvsc.sys leaves to the host')
    const lack = (field: string): Finding['decidedBy'] => (guest[field] === true ? older(stage) : byGuest(field))
    if (!offloads.checksum) return fails('the adapter does no checksum', lack('checksum'))
    const packets = (): number => stage.net().offloads?.packets ?? 0
    const end = await stage.property('segments', sends, (list) => sent(stage, packets, list))
    return end.held ? works : fails(end.reason, lack('tso'))
  },
}
