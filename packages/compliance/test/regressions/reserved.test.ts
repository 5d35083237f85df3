import { createHostBus, Version } from '@vmbus/core'
import { createPartition, guestMemory } from '@vmbus/hypervisor'
import { plainCopy, seeded, timerQueue, virtualClock } from '@vmbus/world'
import { expect, test } from 'vitest'
import { echo } from '../suites/echo.ts'

test('reserved channels are there after a restore', () => {
  const [clock, timers] = [virtualClock(), timerQueue(() => {})]
  const partition = createPartition({ memory: guestMemory(1 << 20), clock, timers, vps: 1, interrupt() {} })
  const bus = createHostBus({ partition, clock, timers, seed: seeded(1), versions: [Version.v5_2] })
  bus.offer(echo().create().device, undefined, { reservedRelid: 2047 })
  const before = bus.inspect()['channels']
  expect(before).toMatchObject([{ relid: 2047 }])
  bus.restore(plainCopy(bus.save()))
  expect(bus.inspect()['channels']).toEqual(before)
})
