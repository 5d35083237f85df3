import type { Channel, HostDevice, HostDeviceDeps } from '@vmbus/core'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { expect, test } from 'vitest'
import { attackDevice, type DeviceTarget } from '../src/index.ts'
import { heartbeatTarget } from './hostile/heartbeat.ts'

/** The heartbeat's host end with a defect of its own. */
function heartbeatWith(defect: (device: HostDevice, deps: HostDeviceDeps) => Partial<HostDevice>): DeviceTarget {
  const { target } = heartbeatTarget
  return {
    ...target,
    create(choose) {
      const made = target.create(choose)
      const { device } = made
      return {
        ...made,
        device: {
          ...device,
          create(deps, settings) {
            const inner = device.create(deps, settings)
            return Object.assign(Object.create(inner) as HostDevice, defect(inner, deps))
          },
        },
      }
    },
  }
}

const SHORTEST = 40

test.each([
  [
    'throws at what it does not expect',
    (device: HostDevice) => ({
      readable(channel: Channel) {
        const packet = channel.receive()
        if (packet !== undefined && packet.payloadLength < SHORTEST) throw new RangeError('short')
        device.readable(channel)
      },
    }),
    /short/,
  ],
  [
    'leaves a timer behind',
    (device: HostDevice, deps: HostDeviceDeps) => ({
      close(channel: Channel) {
        device.close(channel)
        deps.timers.set('beat', deps.clock.now() + 3_600 * TICKS_PER_SECOND)
      },
    }),
    /timer/,
  ],
  [
    'forgets a count when it is restored',
    (device: HostDevice) => ({
      restore(state: unknown, channels: readonly Channel[]) {
        device.restore({ ...(state as object), answered: 0 }, channels)
      },
    }),
    /restore/,
  ],
])('an attack finds a device that %s', (_, defect, violation) => {
  const { violations } = attackDevice(heartbeatWith(defect), 'host', { seed: 1, inputs: 2500 })
  expect(violations.filter((text) => violation.test(text))).not.toEqual([])
})
