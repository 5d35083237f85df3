import fc from 'fast-check'
import { byGuest, fails, works } from './arrive.ts'
import { isTcp, tcpFrame, tcpOf, type FlowEnd } from './frames.ts'
import { ADDRESS, netReads, noTools, older, plugged } from './network.ts'
import type { Finding, Probe } from './probe.ts'
import type { Stage, StageCoalescing } from './stage.ts'

const PORT = 5001

const arrival = <T>(joined: fc.Arbitrary<T>) =>
  fc.record({ payload: fc.integer({ min: 3000, max: 60_000 }), segment: fc.integer({ min: 536, max: 1460 }), joined })
/** One that is to be joined at least. */
const arrivals = fc
  .tuple(arrival(fc.constant(true)), fc.array(arrival(fc.boolean()), { maxLength: 3, size: 'max' }))
  .map(([first, more]) => [first, ...more])

interface Arrival {
  readonly payload: number
  readonly segment: number
  readonly joined: boolean
}

/** Segments that belong together come as fewer frames while coalescing is on, and each alone while it is off. */
async function received(
  stage: Stage,
  coalescing: StageCoalescing,
  list: readonly Arrival[],
): Promise<boolean | string> {
  const { lan } = stage
  const net = stage.net()
  const from: FlowEnd = { mac: lan.mac, address: lan.address, port: PORT }
  const to: FlowEnd = { mac: net.mac, address: ADDRESS, port: PORT }
  for (const { payload, segment, joined } of list) {
    // A system without it refuses, and then nothing is joined.
    coalescing.set(joined)
    await stage.run(1)
    const heard: ReturnType<typeof tcpOf>[] = []
    const stop = net.onFrame((bytes) => void (isTcp(bytes) && heard.push(tcpOf(bytes))))
    lan.port.send({ bytes: tcpFrame(from, to, payload), offload: { segment } })
    const total = (): number => heard.reduce((sum, piece) => sum + piece.payload, 0)
    await stage.until(() => total() >= payload, 1)
    stop()
    if (total() !== payload) return `of ${payload} bytes ${total()} arrive`
    if (heard.some(({ isOurs }) => !isOurs)) return 'other bytes arrive'
    const pieces = Math.ceil(payload / segment)
    if (joined ? heard.length >= pieces : heard.length !== pieces)
      return `${pieces} segments come as ${heard.length} frames with coalescing ${joined ? 'on' : 'off'}`
  }
  return true
}

/** FreeBSD's driver joins segments itself (if_hn.c, tcp_lro_rx), on any host and whatever the host joins. */
function decides(stage: Stage): NonNullable<Finding['decidedBy']> {
  if (stage.family === 'freebsd') return byGuest('lro')
  return stage.guest['rsc'] === true ? older(stage) : byGuest('rsc')
}

export const lroProbe: Probe = {
  id: 'lro',
  feature: 'lro',
  version: 5,
  world: 'network',
  reads: netReads('rsc', ['rsc', 'lro'], ['rsc']),
  bytes: ['netvsc'],
  control: { rsc: false },
  async measure(stage) {
    const found = await plugged(stage)
    if (found !== undefined) return found
    const { coalescing } = stage.net()
    if (coalescing === undefined) return noTools('turns coalescing on and off')
    const end = await stage.property('arrivals', arrivals, (list) => received(stage, coalescing, list))
    return end.held ? works : fails(end.reason, decides(stage))
  },
}
