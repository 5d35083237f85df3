import { NvspVersion } from '@vmbus/netvsc/protocol'
import fc from 'fast-check'
import { byGuest, fails, works } from './arrive.ts'
import { frameOf } from './frames.ts'
import { isSame } from './is-same.ts'
import { netReads, older, plugged } from './network.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const HEADER = 14
const LOAD = 4

const mtus = fc.array(fc.integer({ min: 1501, max: 9000 }), { minLength: 1, maxLength: 2, size: 'max' })

/** The MTU changes while frames are under way, and then frames of its full size pass both ways. */
async function passed(stage: Stage, list: readonly number[]): Promise<boolean | string> {
  const [net, lan, host] = [stage.net(), stage.lan, stage.device('netvsc')]
  for (const mtu of list) {
    for (let sent = 0; sent < LOAD; sent++) net.send(frameOf(lan.mac, net.mac, net.mtu))
    if (mtu !== net.mtu && !net.setMtu(mtu)) return `an MTU of ${mtu} is refused`
    if (!(await stage.until(() => net.exists && net.mtu === mtu && net.isUp && host.up)))
      return 'the interface does not come back'
    const [out, back] = [frameOf(lan.mac, net.mac, mtu), frameOf(net.mac, lan.mac, mtu)]
    const heard = { out: false, back: false }
    const stops = [
      lan.switch.capture(({ port, direction, bytes }) => {
        heard.out ||= port === lan.port.name && direction === 'outbound' && isSame(bytes, out)
      }),
      net.onFrame((bytes) => void (heard.back ||= isSame(bytes, back))),
    ]
    net.send(out)
    lan.port.send({ bytes: back })
    await stage.until(() => heard.out && heard.back, 1)
    for (const stop of stops) stop()
    if (!heard.out || !heard.back) return `a frame of ${HEADER + mtu} bytes does not ${heard.out ? 'arrive' : 'leave'}`
  }
  return true
}

const DECIDES = { linux: 'jumbo', freebsd: 'mtuMax', windows: 'netvsc' } as const

export const jumboFramesProbe: Probe = {
  id: 'jumbo-frames',
  feature: 'jumbo-frames',
  version: 1,
  world: 'network',
  reads: netReads('jumbo', ['mtuMax']),
  bytes: ['netvsc'],
  control: { jumbo: false },
  async measure(stage) {
    const found = await plugged(stage)
    if (found !== undefined) return found
    const end = await stage.property('sizes', mtus, (list) => passed(stage, list))
    if (end.held) return works
    // Only NDIS_CONFIG, of version 2, says how large a frame may be.
    const isOld = stage.device('netvsc').version < NvspVersion.v2
    return fails(end.reason, isOld ? older(stage) : byGuest(DECIDES[stage.family]))
  },
}
