import { ws2008 } from '@vmbus/host'
import { describe, expect, test } from 'vitest'
import { GUEST, PEER, connected, net, type Net } from './net.ts'

const codeOf = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}

describe('an interface of a simulated Linux', () => {
  test('is there once its driver is ready, and down until it is brought up', async () => {
    const { guest, nic, eth0 } = net('6.1')
    await guest.until('booting')
    expect([eth0.exists, codeOf(() => eth0.up())]).toEqual([false, 'VMBUS_LINUX_NET'])
    await guest.until('driver:interface')
    expect([eth0.exists, eth0.mac, eth0.mtu, eth0.carrier, eth0.isUp, nic.up]).toEqual([
      true,
      '00:15:5d:00:00:01',
      1500,
      true,
      false,
      false,
    ])
    expect(codeOf(() => eth0.ping(PEER))).toBe('VMBUS_LINUX_NET')
    eth0.up()
    await guest.until('driver:up')
    expect([eth0.isUp, nic.up]).toEqual([true, true])
    eth0.down()
    await guest.until('driver:down')
    expect([eth0.isUp, nic.up, eth0.send(new Uint8Array(60))]).toEqual([false, false, false])
  })

  test.each([['6.1'], ['5.10']])('answers and asks with kernel %s', async (kernel) => {
    const { guest, eth0, peer, answered, world } = await connected(kernel)
    const frames: number[] = []
    const stop = eth0.onFrame((frame) => void frames.push(frame.length))
    for (const [sequence, bytes] of [0, 56, 1472].entries())
      peer.ping(GUEST, { sequence, payload: new Uint8Array(bytes) })
    world.run({ ms: 10 })
    expect(answered).toEqual([0, 1, 2])
    // An ARP request, and three echo requests.
    expect(frames).toEqual([42, 42, 98, 1514])
    stop()
    const echo = eth0.ping(PEER, { bytes: 100 })
    expect(echo.answered).toBe(false)
    await guest.until('driver:echo')
    expect([echo.answered, echo.address, frames.length]).toEqual([true, PEER, 4])
    expect(eth0.ping('10.0.0.9').answered).toBe(false)
    world.run({ ms: 10 })
  })

  test('pings through a guest, which lets the world run until the answer is there or the time is over', async () => {
    const { world, guest, nic } = await connected('6.1')
    const eth0 = guest.net('eth0')
    expect([eth0.name, eth0.mac, eth0.isUp]).toEqual(['eth0', '00:15:5d:00:00:01', true])
    await expect(eth0.ping(PEER)).resolves.toBe(true)
    await expect(eth0.ping(PEER, { bytes: 1472 })).resolves.toBe(true)
    const before = world.clock.now()
    await expect(eth0.ping('10.0.0.9', { seconds: 2 })).resolves.toBe(false)
    expect(world.clock.now() - before).toBeLessThanOrEqual(2 * 10_000_000)
    nic.disconnectLink()
    world.run({ ms: 10 })
    await expect(eth0.ping(PEER)).resolves.toBe(false)
    await expect(guest.net('eth1').ping(PEER)).rejects.toMatchObject({ code: 'VMBUS_LINUX_NET' })
  })

  test('sends and receives frames as they are', async () => {
    const { world, lan, eth0 } = await connected('6.1')
    const seen: string[] = []
    lan.capture(({ bytes, direction, port }) => {
      if (port.startsWith('nic') && direction === 'inbound') seen.push(Buffer.from(bytes).toString('hex'))
    })
    const frame = Uint8Array.from(
      { length: 60 },
      (_, at) => (at < 6 ? 0xff : at < 12 ? [0, 0x15, 0x5d, 0, 0, 1][at - 6] : at) ?? 0,
    )
    expect(eth0.send(frame)).toBe(true)
    world.run({ ms: 10 })
    expect(seen).toEqual([Buffer.from(frame).toString('hex')])
  })

  test('keeps its name and address over another MTU', async () => {
    const { guest, eth0, nic, peer, answered, world } = await connected('6.1', { mtu: 9000 })
    eth0.setMtu(9000)
    await guest.until('driver:up')
    expect([eth0.mtu, eth0.address, nic.inspect()['frameBytes']]).toEqual([9000, `${GUEST}/24`, 9014])
    peer.ping(GUEST, { sequence: 9, payload: new Uint8Array(8972) })
    world.run({ ms: 10 })
    expect(answered).toEqual([9])
  })

  test('sees the cable', async () => {
    const { world, nic, eth0, peer, answered } = await connected('6.1')
    nic.disconnectLink()
    world.run({ ms: 10 })
    expect([eth0.carrier, eth0.send(new Uint8Array(60))]).toEqual([false, false])
    nic.connectLink()
    world.run({ ms: 10 })
    peer.ping(GUEST, { sequence: 4 })
    world.run({ ms: 10 })
    expect([eth0.carrier, answered]).toEqual([true, [4]])
  })

  test('goes with its driver or its adapter, and the next adapter has its name', async () => {
    const { guest, eth0, attached, host, world, nic } = await connected('6.1')
    eth0.unbind()
    await guest.until('driver:stopped')
    expect([eth0.exists, nic.up]).toEqual([false, false])
    for (const device of attached.devices('netvsc')) device.rescind()
    await guest.until('rescinded')
    for (const spec of host.specs) attached.offer(spec)
    await guest.until('driver:interface')
    expect([eth0.exists, eth0.isUp, eth0.address]).toEqual([true, false, ''])
    for (const device of attached.devices('netvsc')) device.rescind()
    await guest.until('rescinded')
    world.run({ ms: 10 })
    expect([eth0.exists, guest.bus.devices]).toEqual([false, []])
  })

  test('speaks NVSP 1 to the oldest host', async () => {
    const { nic, peer, answered, world } = await connected('5.10', { profile: ws2008 })
    expect(nic.version).toBe(2)
    peer.ping(GUEST, { sequence: 3 })
    world.run({ ms: 10 })
    expect(answered).toEqual([3])
  })
})

/** An address, echo requests both ways while frames wait, another cable, the end: everything by events, so it restores. */
function scenario(made: Net): Net {
  const { guest, peer } = made
  guest.on((event) => {
    if (event.kind !== 'driver') return
    const { eth0 } = made
    if (event.name === 'interface') {
      eth0.setAddress(`${GUEST}/24`)
      eth0.up()
    } else if (event.name === 'up') {
      for (let sequence = 0; sequence < 3; sequence++) peer.ping(GUEST, { sequence, payload: new Uint8Array(1472) })
      eth0.ping(PEER, { bytes: 1400 })
    } else if (event.name === 'echo') eth0.unbind()
  })
  return made
}

test('a world that is saved at any step, traffic in flight, goes on as the one that was saved', () => {
  const whole = scenario(net('6.1'))
  while (whole.world.step());
  expect([whole.answered, whole.eth0.exists]).toEqual([[0, 1, 2], false])

  const saved = scenario(net('6.1'))
  const inFlight = new Set<unknown>()
  for (let step = 0; step === 0 || saved.world.step(); step++) {
    const again = scenario(net('6.1'))
    again.lan.restore(saved.lan.save())
    again.peer.restore(saved.peer.save(), () => ({}))
    again.world.restore(saved.world.save())
    again.crossed.length = 0
    while (again.world.step());
    expect(again.crossed).toEqual(whole.crossed.slice(saved.crossed.length))
    inFlight.add(saved.guest.bus.devices[0]?.driver?.inspect()['name'])
  }
  expect(saved.world.steps).toBeGreaterThan(20)
  expect([...inFlight]).toEqual(expect.arrayContaining(['', 'eth0']))
})
