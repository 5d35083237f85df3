import { INTERRUPT_MODES } from '@vmbus/testbench'
import { describe, expect, test } from 'vitest'
import { NVSP_VERSIONS, nvspVersionName } from '../src/protocol/index.ts'
import { GUEST_MAC, PEER_MAC, connected as connect, frameTo, type World, type WorldOptions } from './world.ts'

describe.each(INTERRUPT_MODES)('with interrupts %s', (interrupts) => {
  const connected = (options: WorldOptions = {}): World => connect({ interrupts, ...options })

  describe.each(NVSP_VERSIONS.map((version) => [nvspVersionName(version), version] as const))(
    'a host up to NVSP %s',
    (_name, newest) => {
      const versions = NVSP_VERSIONS.filter((version) => version <= newest)

      test('comes up, carries frames both ways, and gives everything back', () => {
        const world = connected({ settings: { versions } })
        const { driver, nic, guest } = world
        expect(driver.failure).toBe('')
        expect([driver.phase, driver.up, nic.up]).toEqual(['ready', true, true])
        expect([driver.version, nic.version]).toEqual([newest, newest])
        expect([driver.mac, driver.linkUp, driver.mtu]).toEqual([GUEST_MAC, true, 1500])

        const there = frameTo(PEER_MAC, GUEST_MAC, 600)
        expect(driver.send({ bytes: there })).toBe(true)
        const back = frameTo(GUEST_MAC, PEER_MAC, 1514, 3)
        expect(world.peer.send({ bytes: back })).toBe(true)
        world.settle()
        expect(world.out.map(({ bytes }) => bytes)).toEqual([there])
        expect(world.seen.map(({ bytes }) => bytes)).toEqual([back])
        expect(world.diagnostics).toEqual([])

        driver.stop()
        world.settle()
        expect(driver.phase).toBe('stopped')
        guest.unload()
        world.settle()
        expect(world.diagnostics).toEqual([])
      })
    },
  )
})
