import { expect, test } from 'vitest'
import { deviceWorld } from '@vmbus/testbench'
import { echo } from '../suites/echo.ts'

test('an open that the host refuses gives everything back', () => {
  const { device, driver } = echo('device-opens').create()
  const world = deviceWorld(device, driver)
  const before = world.pages
  world.run(5)
  expect(world.guestBus.devices[0]?.channels[0]?.state).toBe('offered')
  expect(world.pages).toBe(before)
  expect([world.hostBus.inspect()['gpadlPages'], world.guestBus.inspect()['gpadls']]).toEqual([0, []])
})
