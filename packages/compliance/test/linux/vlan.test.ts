import type { LinuxVector } from '@vmbus/guest-linux'
import { describe, expect, test } from 'vitest'
import { GUEST, PEER, connected, net, without, type Net } from './net.ts'

/** Per-packet info of 802.1Q: 16 bytes, type 6, data at 12 (wire/04 §6). */
const TAG_BESIDE = '10000000060000000c000000'

/** The RNDIS packets that a guest sent, whatever is in them. */
const sentPackets = ({ crossed }: Net): string[] =>
  crossed.filter((line) => line.startsWith('transfer to host: 01000000'))

const tagged = async (kernel: string | LinuxVector): Promise<Net> => {
  const made = net(kernel, { port: { vlan: { access: 100 } }, adapter: { vlan: { trunk: [100, 200] } } })
  await made.guest.until('driver:interface')
  made.eth0.up()
  await made.guest.until('driver:up')
  return made
}

describe('a VLAN of a simulated Linux', () => {
  test('sends and takes frames with its tag beside them on a trunk', async () => {
    const made = await tagged('6.1')
    const { eth0, guest, crossed } = made
    const vlan = eth0.addVlan(100)
    expect([vlan.name, vlan.exists, vlan.vlan, vlan.mac, vlan.mtu, vlan.isUp, vlan.carrier]).toEqual([
      'eth0.100',
      true,
      100,
      '00:15:5d:00:00:01',
      1500,
      false,
      true,
    ])
    vlan.setAddress(`${GUEST}/24`)
    expect(vlan.send(new Uint8Array(60))).toBe(false)
    vlan.up()
    await expect(guest.net('eth0.100').ping(PEER, { bytes: 1472 })).resolves.toBe(true)
    // Priority 0, id 100 from bit 4 on: 0x640. An ARP request and the echo request; the answers have the same beside them.
    expect(sentPackets(made).map((line) => line.includes(`${TAG_BESIDE}40060000`))).toEqual([true, true])
    expect(crossed.filter((line) => line.includes(`${TAG_BESIDE}40060000`))).toHaveLength(4)
    expect(sentPackets(made).some((line) => line.includes('81000064'))).toBe(false)
  })

  test('is alone with its frames: another id hears nothing, and neither does the interface below', async () => {
    const { eth0, guest, peer, world, answered } = await tagged('6.1')
    const [same, other] = [eth0.addVlan(100), eth0.addVlan(200)]
    same.up()
    other.up()
    other.setAddress('10.0.0.3/24')
    eth0.setAddress('10.0.0.4/24')
    const heard = { same: 0, other: 0, below: 0 }
    same.onFrame(() => void heard.same++)
    other.onFrame(() => void heard.other++)
    eth0.onFrame(() => void heard.below++)
    peer.ping('10.0.0.3', { sequence: 1 })
    peer.ping('10.0.0.4', { sequence: 2 })
    world.run({ ms: 10 })
    expect([answered, heard]).toEqual([[], { same: 2, other: 0, below: 0 }])
    await expect(guest.net('eth0.200').ping(PEER, { seconds: 1 })).resolves.toBe(false)
  })

  test('needs no tags where the host puts the adapter into one VLAN', async () => {
    const made = await connected('6.1', { port: { vlan: { access: 7 } }, adapter: { vlan: { access: 7 } } })
    await expect(made.guest.net('eth0').ping(PEER)).resolves.toBe(true)
    expect(made.crossed.some((line) => line.includes(TAG_BESIDE))).toBe(false)
    const vlan = made.eth0.addVlan(7)
    vlan.up()
    vlan.setAddress('10.0.0.3/24')
    // The host takes no tagged frames from an access port.
    await expect(made.guest.net('eth0.7').ping(PEER, { seconds: 1 })).resolves.toBe(false)
  })

  // As before Linux 3.4, whose hv_netvsc learnt of tags beside frames.
  test('has the tag in the frame without the driver’s help, and gets none back', async () => {
    const made = await tagged(without('6.1', 'vlan'))
    const { eth0, guest, peer, world } = made
    const vlan = eth0.addVlan(100)
    vlan.up()
    vlan.setAddress(`${GUEST}/24`)
    const below: string[] = []
    eth0.onFrame((frame) => void below.push(Buffer.from(frame.subarray(12, 14)).toString('hex')))
    await expect(guest.net('eth0.100').ping(PEER, { seconds: 1 })).resolves.toBe(false)
    const sent = sentPackets(made)
    expect(sent.length).toBeGreaterThan(0)
    // 8021q's four bytes before the type of ARP, and nothing beside the frame.
    for (const line of sent) expect([line.includes('810000640806'), line.includes(TAG_BESIDE)]).toEqual([true, false])
    // The host's answers have the tag beside them, where this driver does not look: they are the interface's below.
    expect(new Set(below)).toEqual(new Set(['0806']))
    peer.ping(GUEST)
    world.run({ ms: 10 })
    expect(eth0.features['tx-vlan-offload']).toBe(false)
  })

  test('goes up, down and away with the interface below', async () => {
    const { eth0, guest } = await tagged('6.1')
    const vlan = eth0.addVlan(100)
    eth0.down()
    await guest.until('driver:down')
    expect(() => vlan.up()).toThrow(expect.objectContaining({ code: 'VMBUS_LINUX_NET' }))
    eth0.up()
    expect(vlan.isUp).toBe(true)
    eth0.down()
    expect(vlan.isUp).toBe(false)
    vlan.remove()
    expect(vlan.exists).toBe(false)
    const again = eth0.addVlan(100)
    eth0.unbind()
    await guest.until('driver:stopped')
    expect([again.exists, eth0.exists]).toEqual([false, false])
  })

  test('has packets no larger than those of the interface below', async () => {
    const { eth0, guest } = await tagged('6.1')
    const vlan = eth0.addVlan(100)
    expect(() => vlan.setMtu(1501)).toThrow(expect.objectContaining({ code: 'VMBUS_LINUX_NET' }))
    eth0.setMtu(9000)
    await guest.until('driver:up')
    vlan.setMtu(4000)
    expect(vlan.mtu).toBe(4000)
    eth0.setMtu(1400)
    await guest.until('driver:up')
    expect([eth0.mtu, vlan.mtu]).toEqual([1400, 1400])
  })

  test.each([
    ['is there already', 100],
    ['is beyond 4094', 4095],
    ['is below 0', -1],
    ['is no whole number', 1.5],
  ])('is refused where its id %s', async (_what, id) => {
    const { eth0 } = await tagged('6.1')
    const vlan = eth0.addVlan(100)
    expect(() => eth0.addVlan(id)).toThrow(expect.objectContaining({ code: 'VMBUS_LINUX_NET' }))
    for (const refused of [() => vlan.addVlan(1), () => eth0.remove(), () => vlan.unbind(), () => vlan.features])
      expect(refused).toThrow(expect.objectContaining({ code: 'VMBUS_LINUX_NET' }))
  })
})

test('VLANs survive a restore, echo requests under way', () => {
  const scenario = (): Net => {
    const made = net('6.1', { port: { vlan: { access: 100 } }, adapter: { vlan: { trunk: [100] } } })
    made.guest.on((event) => {
      if (event.kind !== 'driver') return
      const { eth0, guest } = made
      if (event.name === 'interface') {
        eth0.up()
        eth0.addVlan(100).setAddress(`${GUEST}/24`)
        guest.surface.net('eth0.100').up()
      } else if (event.name === 'up') {
        for (let sequence = 0; sequence < 3; sequence++) made.peer.ping(GUEST, { sequence })
        guest.surface.net('eth0.100').ping(PEER)
      } else if (event.name === 'echo') eth0.unbind()
    })
    return made
  }
  const whole = scenario()
  while (whole.world.step());
  expect([whole.answered, whole.eth0.exists]).toEqual([[0, 1, 2], false])
  const saved = scenario()
  for (let step = 0; step === 0 || saved.world.step(); step++) {
    if (step % 4 !== 0) continue
    const again = scenario()
    again.lan.restore(saved.lan.save())
    again.peer.restore(saved.peer.save(), () => ({}))
    again.world.restore(saved.world.save())
    again.crossed.length = 0
    while (again.world.step());
    expect(again.crossed).toEqual(whole.crossed.slice(saved.crossed.length))
  }
})
