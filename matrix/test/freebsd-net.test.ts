import { freebsd } from '@vmbus/guest-freebsd'
import { ws2022 } from '@vmbus/host'
import { netvsc, type NetvscHostOptions } from '@vmbus/netvsc'
import { simulate } from '@vmbus/simulation'
import { createSwitch, type PortConfig } from '@vmbus/switch'
import { createPeer } from '@vmbus/switch/peer'
import { scopedTimers, seeded } from '@vmbus/world'
import { describe, expect, test } from 'vitest'

const PEER = '10.0.0.1'

/** A FreeBSD with an adapter on a switch that it shares with a peer, 10.0.0.1; it is booting. */
function net(release: string, cable: PortConfig = {}, adapter: Partial<NetvscHostOptions> = {}) {
  const world = simulate({ seed: 3 })
  const timers = world.timers('lan', (name) => {
    if (name.startsWith('peer/')) peer.timer(name.slice('peer/'.length))
    else lan.timer(name)
  })
  const { clock } = world
  const lan = createSwitch({ clock, timers, seed: seeded(1) })
  const mac = '02:00:00:00:00:01'
  const answered: number[] = []
  const port = lan.connect({ ...cable, name: 'peer', mac, receive: (frame) => peer.receive(frame) })
  const peer = createPeer({
    clock,
    timers: scopedTimers(timers, 'peer'),
    seed: seeded(2),
    mac,
    ipv4: `${PEER}/24`,
    send: (frame) => void port.send(frame),
    echoed: ({ sequence }) => void answered.push(sequence),
  })
  const host = world.host(ws2022, [netvsc({ switch: lan, mac: '00:15:5d:00:00:01', ...adapter })])
  const guest = world.guest(freebsd(release), { memoryMB: 64 })
  const crossed: string[] = []
  guest.attach(host, {
    trace: (event) => {
      if (event.kind === 'transfer') crossed.push(`to ${event.to}: ${Buffer.from(event.bytes).toString('hex')}`)
    },
  })
  return { world, lan, port, peer, guest, crossed, answered, hn0: guest.surface.net('hn0') }
}

async function connected(...of: Parameters<typeof net>) {
  const made = net(...of)
  await made.guest.until('driver:interface')
  made.hn0.setAddress('10.0.0.2/24')
  made.hn0.up()
  await made.guest.until('driver:up')
  return made
}

/** 10.0.0.2:5001 to the peer's port 5002 with `payload` zeros, without checksums. */
function segment(payload: number): Uint8Array {
  const length = (40 + payload).toString(16).padStart(4, '0')
  const header = `020000000001 00155d000001 0800 4500${length} 00004000 40060000 0a000002 0a000001 1389138a 000003e8 00000000 50180000 00000000`
  return Uint8Array.from([...Buffer.from(header.replaceAll(' ', ''), 'hex'), ...Array<number>(payload).fill(0)])
}

/** Per-packet info of 802.1Q with VLAN 100 (0x64 from bit 4 on), and of a large send. */
const TAG = '10000000060000000c00000040060000'
const LARGE = '10000000020000000c000000'

describe('the network of a simulated FreeBSD', () => {
  test('has VLANs, whose tags go beside the frames', async () => {
    const made = await connected('14.0', { vlan: { access: 100 } }, { vlan: { trunk: [100] } })
    const vlan = made.hn0.addVlan(100)
    expect([vlan.name, vlan.mac, vlan.isUp]).toEqual(['hn0.100', '00:15:5d:00:00:01', false])
    vlan.setAddress('10.0.0.3/24')
    vlan.up()
    await expect(made.guest.net('hn0.100').ping(PEER)).resolves.toBe(true)
    // ARP and an echo request, each with its answer.
    expect(made.crossed.filter((line) => line.includes(TAG))).toHaveLength(4)
    for (const refused of [() => vlan.addVlan(1), () => made.hn0.addVlan(100), () => made.hn0.addVlan(4095)])
      expect(refused).toThrow(expect.objectContaining({ code: 'VMBUS_FREEBSD_NET' }))
  })

  test('joins the TCP segments that it receives, until ifconfig has it stop', async () => {
    const { hn0, port, world } = await connected('12.1')
    const heard: number[] = []
    hn0.onFrame((bytes) => void (bytes[23] === 6 && heard.push(bytes.length)))
    const send = (): number[] => {
      heard.length = 0
      const bytes = segment(3000)
      bytes.set(bytes.slice(0, 6), 6)
      bytes.set([0x00, 0x15, 0x5d, 0x00, 0x00, 0x01])
      port.send({ bytes, offload: { segment: 1000 } })
      world.run({ ms: 10 })
      return [...heard]
    }
    expect([hn0.lro, send()]).toEqual([true, [3054]])
    hn0.setLro(false)
    expect([hn0.lro, send()]).toEqual([false, [1054, 1054, 1054]])
  })

  test('joins none before 10.3', async () => {
    const { hn0 } = await connected('10.2')
    expect(hn0.lro).toBe(false)
    expect(() => hn0.setLro(true)).toThrow(expect.objectContaining({ code: 'VMBUS_FREEBSD_NET' }))
  })

  test.each([
    ['10.1', false, 3],
    ['10.4', true, 1],
    ['14.0', true, 1],
  ])('%s leaves large segments to the host: %s', async (release, leaves, messages) => {
    const { hn0, lan, world, crossed } = await connected(release)
    const lengths: number[] = []
    lan.capture(({ port, direction, bytes }) => {
      if (port === 'peer' && direction === 'outbound' && bytes[23] === 6) lengths.push(bytes.length)
    })
    expect(hn0.features['tx-tcp-segmentation']).toBe(leaves)
    expect(hn0.send(segment(4000), { segment: 1460 })).toBe(true)
    world.run({ ms: 10 })
    const sent = crossed.filter((line) => line.startsWith('to host: 01000000') && line.includes('1389138a'))
    expect([lengths, sent.length, sent.some((line) => line.includes(LARGE))]).toEqual([
      [1514, 1514, 1134],
      messages,
      leaves,
    ])
  })

  test('leaves coalescing off, which hosts have from NVS 6.1 on', async () => {
    const { hn0, port, world, crossed } = await connected('14.0')
    // OID_TCP_OFFLOAD_PARAMETERS: RSC over both is 1, off.
    expect(crossed.some((line) => /0c0201fc1c000000.{60}010100000000/.test(line))).toBe(true)
    // The driver joins what comes apart; what the host joins, it would give as one.
    hn0.setLro(false)
    const heard: number[] = []
    hn0.onFrame((frame) => void heard.push(frame.length))
    const bytes = segment(4000)
    bytes.set([0, 0x15, 0x5d, 0, 0, 1, 2, 0, 0, 0, 0, 1])
    port.send({ bytes, offload: { segment: 1460 } })
    world.run({ ms: 10 })
    expect([heard, hn0.features['large-receive-offload']]).toEqual([[1514, 1514, 1134], false])
  })

  test('goes on after a restore, with its address', async () => {
    const made = await connected('13.2')
    const saved = [made.lan.save(), made.peer.save(), made.world.save()] as const
    const again = net('13.2')
    again.lan.restore(saved[0])
    again.peer.restore(saved[1], () => ({}))
    again.world.restore(saved[2])
    again.peer.ping('10.0.0.2', { sequence: 7 })
    again.world.run({ ms: 10 })
    expect([again.hn0.address, again.answered]).toEqual(['10.0.0.2/24', [7]])
  })

  test.each([
    ['71 bytes', 71],
    ['more than 65515', 70_000],
  ])('takes no MTU of %s', async (_what, mtu) => {
    const { hn0 } = await connected('14.0')
    expect(() => hn0.setMtu(mtu)).toThrow(expect.objectContaining({ code: 'VMBUS_FREEBSD_NET' }))
  })
})
