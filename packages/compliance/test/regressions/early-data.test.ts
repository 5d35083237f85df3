import { defineDevice, type Channel } from '@vmbus/core'
import { expect, test } from 'vitest'
import { deviceWorld } from '@vmbus/testbench'

const INTERFACE = '0badc0de-0000-0000-0000-000000000003'
const idle = { close() {}, readable() {}, rescinded() {}, save: () => null, restore() {}, inspect: () => ({}) }

test('what a host says while a channel opens is heard', () => {
  let heard = 0
  const device = defineDevice({
    kind: 'early',
    interfaceIds: [INTERFACE],
    offer: () => ({ interfaceId: INTERFACE, instanceId: '0badc0de-0000-0000-0000-000000000004' }),
    host: () => ({
      ...idle,
      open(channel: Channel) {
        channel.sendInBand(new Uint8Array(8), 1, 0, false)
        return 0
      },
    }),
    guest: () => ({
      ...idle,
      offered: (channel) => channel.open({ outPages: 2, inPages: 2 }),
      opened() {},
      readable({ channel }) {
        while (channel?.receive() !== undefined) heard++
      },
    }),
  })
  deviceWorld(device({}), device.driver({})).run(1)
  expect(heard).toBe(1)
})
