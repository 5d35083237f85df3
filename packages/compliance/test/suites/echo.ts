import { defineDevice, type Channel, type GuestChannel } from '@vmbus/core'
import type { DeviceUnderTest } from '../../src/index.ts'

const INTERFACE = '0badc0de-0000-0000-0000-000000000001'
const INSTANCE = '0badc0de-0000-0000-0000-000000000002'

/** What a broken echo device does wrong, by the rule that it breaks. */
export type Defect =
  | 'device-no-throw'
  | 'device-opens'
  | 'device-completions'
  | 'device-rescind'
  | 'device-reopen'
  | 'device-restore'
  | 'device-state-plain'
  | 'device-requests'
  | 'device-hostile-guest'
  | 'device-hostile-host'

/** A device that completes each packet with the number of packets so far, and sends it in-band, too. */
export const echo = (defect?: Defect): DeviceUnderTest => ({
  name: `echo${defect === undefined ? '' : ` with ${defect}`}`,
  create() {
    let [begun, ended, opens] = [0, 0, 0]
    let handle: GuestChannel | undefined
    const device = defineDevice({
      kind: 'echo',
      interfaceIds: [INTERFACE],
      offer: () => ({ interfaceId: INTERFACE, instanceId: INSTANCE }),
      host: () => {
        let count = 0
        return {
          open() {
            opens++
            if (defect === 'device-opens') return 1
            return defect === 'device-reopen' && opens > 1 ? 1 : 0
          },
          readable(channel: Channel) {
            for (let packet = channel.receive(); packet !== undefined; packet = channel.receive()) {
              const payload = packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength)
              if (defect === 'device-hostile-guest' && (payload[0] ?? 0) > 0) throw new RangeError('an unlikely byte')
              count++
              const answer = Uint8Array.from([count & 0xff, 0, 0, 0, 0, 0, 0, 0])
              if ((packet.flags & 1) !== 0)
                channel.sendCompletion(answer, packet.transactionLow, packet.transactionHigh)
              if (defect === 'device-completions')
                channel.sendCompletion(answer, packet.transactionLow, packet.transactionHigh)
              channel.sendInBand(new Uint8Array(8), 0, 0, false)
            }
          },
          close() {},
          save: () =>
            defect === 'device-state-plain'
              ? { count, seen: new Map() }
              : { count: defect === 'device-restore' ? 0 : count },
          restore(state) {
            count = (state as { count: number }).count
          },
          inspect: () => ({}),
        }
      },
      guest: (_options, deps) => ({
        offered(channel) {
          handle = channel
          if (defect === 'device-rescind') deps.pages.allocate(1)
          channel.open({ outPages: 2, inPages: 2 })
        },
        opened({ channel }) {
          channel?.sendInBand(new Uint8Array(8), 7, 0, true)
        },
        readable({ channel }) {
          for (let packet = channel?.receive(); packet !== undefined; packet = channel?.receive()) {
            if (packet.type === 11 && packet.transactionLow === 9 && ended < begun && defect !== 'device-requests')
              ended++
            if (defect === 'device-hostile-host' && packet.type === 6 && (packet.bytes[packet.payloadOffset] ?? 0) > 0)
              throw new RangeError('an unlikely byte')
          }
        },
        rescinded() {
          if (defect === 'device-no-throw') throw new Error('not expected')
          if (defect !== 'device-requests') ended = begun
          handle = undefined
        },
        closed() {
          ended = begun
        },
        save: () => null,
        restore(_state, channels) {
          handle = channels[0]
        },
        inspect: () => ({}),
      }),
    })
    return {
      device: device({}),
      driver: device.driver({}),
      exercise() {
        // The answer may come before the send returns.
        begun++
        if (handle?.channel?.sendInBand(new Uint8Array(8), 9, 0, true) !== true) begun--
      },
      tally: () => ({ begun, ended }),
      memoryMB: 1,
    }
  },
})
