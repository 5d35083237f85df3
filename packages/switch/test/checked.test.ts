import { describe, expect, test } from 'vitest'
import { createSwitch } from '@vmbus/switch'
import { createPeer } from '@vmbus/switch/peer'
import { forward } from '@vmbus/switch/forward'
import { pair } from './pair.ts'
import { hex, testWorld } from './world.ts'

const refused = (field: string): unknown => expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID', field })
const invalid = (field: string): unknown => expect.objectContaining({ code: 'VMBUS_STATE_INVALID', field })
/** What a program without types hands over. */
const given = (options: object): never => options as never

describe('options: misspelt names, NaN and what cannot be', () => {
  const { deps } = testWorld()
  test.each([
    [{ ageing: NaN }, 'switch.ageing'],
    [{ ageing: -1 }, 'switch.ageing'],
    [{ aging: 1 }, 'switch.aging'],
    [{ addresses: { total: NaN } }, 'switch.addresses.total'],
    [{ addresses: { perport: 1 } }, 'switch.addresses.perport'],
    [{ transitLimit: NaN }, 'switch.transitLimit'],
    [{ clock: undefined }, 'switch.clock'],
  ])('switch: %j', (options, field) => {
    expect(() => createSwitch(given({ ...deps, ...options }))).toThrow(refused(field))
  })

  test.each([
    [{ name: '' }, 'port.name'],
    [{ mac: '01:00:5e:00:00:01' }, 'port.mac'],
    [{ mac: '02:00:00:00:00' }, 'port.mac'],
    [{ receive: undefined }, 'port.receive'],
    [{ mtu: 67 }, 'port.mtu'],
    [{ mtu: NaN }, 'port.mtu'],
    [{ speed: 1 }, 'port.speed'],
    [{ vlan: { access: 4095 } }, 'port.vlan.access'],
    [{ vlan: { acess: 1 } }, 'port.vlan.acess'],
    [{ vlan: { trunk: [1, [9, 8]] } }, 'port.vlan.trunk[1][1]'],
    [{ vlan: { trunk: [0] } }, 'port.vlan.trunk[0]'],
    [{ vlan: { trunk: [1], native: NaN } }, 'port.vlan.native'],
    [{ mirror: 'both' }, 'port.mirror'],
    [{ link: { loss: 2 } }, 'port.link.loss'],
    [{ link: { loss: NaN } }, 'port.link.loss'],
    [{ link: { bandwidth: 1e9 / 3 } }, 'port.link.bandwidth'],
    [{ link: { bandwidth: 0 } }, 'port.link.bandwidth'],
    [{ link: { latency: 5 } }, 'port.link.latency'],
    [{ accepts: { vlans: true } }, 'port.accepts.vlans'],
  ])('port: %j', (options, field) => {
    const one = createSwitch(deps)
    expect(() => one.connect(given({ name: 'a', receive: () => undefined, ...options }))).toThrow(refused(field))
    expect(one.inspect().ports).toEqual([])
  })

  test('a port keeps what it had when a change is refused', () => {
    const one = createSwitch(deps)
    const port = one.connect({ name: 'a', receive: () => undefined, mtu: 9000 })
    expect(() => port.configure(given({ mtu: 1500, link: { loss: NaN } }))).toThrow(refused('port.link.loss'))
    expect(() => port.configure({ mtu: 1500, spoofing: false })).toThrow(
      expect.objectContaining({ code: 'VMBUS_SWITCH_OPTION', field: 'spoofing' }),
    )
    expect(one.inspect().ports[0]?.config).toMatchObject({ mtu: 9000 })
  })

  const { world, a } = pair()
  const peerDeps = {
    clock: world.clock,
    timers: world.timers,
    seed: world.seed,
    mac: '02:00:00:00:00:07',
    send: () => {},
  }
  test.each([
    [{ mtu: NaN }, 'peer.mtu'],
    [{ ip: '10.0.0.1/24' }, 'peer.ip'],
    [{ mac: '03:00:00:00:00:01' }, 'peer.mac'],
    [{ tcpBuffer: 4095 }, 'peer.tcpBuffer'],
    [{ tcpSockets: NaN }, 'peer.tcpSockets'],
    [{ send: undefined }, 'peer.send'],
  ])('peer: %j', (options, field) => {
    expect(() => createPeer(given({ ...peerDeps, ...options }))).toThrow(refused(field))
  })
  test.each([
    [{ ipv4: 'fd00::1/64' }, 'ipv4'],
    [{ ipv4: '224.0.0.1/24' }, 'ipv4'],
    [{ ipv6: '::/64' }, 'ipv6'],
    [{ gateway4: 'fd00::1' }, 'gateway4'],
    [{ ipv6: 'fd00::1/64', mtu: 1279 }, 'mtu'],
  ])('peer: %j', (options, field) => {
    expect(() => createPeer(given({ ...peerDeps, ...options }))).toThrow(
      expect.objectContaining({ code: 'VMBUS_PEER_OPTION', field }),
    )
  })

  test('ping, sockets, forward', async () => {
    expect(() => a.ping('10.0.0.2', given({ seq: 1 }))).toThrow(refused('ping.seq'))
    expect(() => a.ping('10.0.0.2', { id: NaN })).toThrow(refused('ping.id'))
    expect(() => a.ping('10.0.0.2', { payload: new Uint8Array(65_508) })).toThrow(
      expect.objectContaining({ code: 'VMBUS_PEER_OPTION', field: 'payload' }),
    )
    expect(() => a.connect({ address: '10.0.0.2', port: NaN }, {})).toThrow(refused('connect.port'))
    expect(() => a.connect({ address: '10.0.0.2', port: 0 }, {})).toThrow(refused('connect.port'))
    expect(() => a.connect({ address: '10.0.0.2', port: 80 }, given({ close: () => {} }))).toThrow(
      refused('connect.close'),
    )
    expect(() => a.listen(80, given({ opened: 1 }))).toThrow(refused('listen.opened'))
    expect(a.sockets()).toEqual([])
    const to = { address: '10.0.0.2', port: 80 }
    await expect(forward(given({ peer: a, to, host: '0.0.0.0' }))).rejects.toThrow(refused('forward.host'))
    await expect(forward({ peer: a, to, connections: NaN })).rejects.toThrow(refused('forward.connections'))
  })
})

describe('saved states are looked at before anything is touched', () => {
  const lan = (names: readonly string[]) => {
    const world = testWorld()
    const one = createSwitch(world.deps)
    const ports = names.map((name) => one.connect({ name, receive: () => undefined, link: { delay: 100 } }))
    ports[0]?.send({ bytes: hex('ffffffffffff 020000000001 88b5') })
    return one
  }
  const saved = lan(['a', 'b']).save()
  const [port] = saved.ports
  const [transit] = saved.transits
  test.each([
    [{ kind: 'peer' }, 'switch.kind'],
    [{ v: 99 }, 'switch.v'],
    [{ extra: 1 }, 'switch.extra'],
    [{ order: NaN }, 'switch.order'],
    [{ transits: [{ ...transit, at: 'soon' }] }, 'switch.transits[0].at'],
    [{ transits: [{ ...transit, frame: { bytes: [1] } }] }, 'switch.transits[0].frame.bytes'],
    [{ transits: [{ ...transit, port: 7 }] }, 'switch.port'],
    [{ addresses: [{ vlan: 0, mac: 1, port: 2, at: 0 }] }, 'switch.port'],
    [{ ports: [port] }, 'switch.ports'],
    [{ ports: [port, { ...saved.ports[1], index: 0 }] }, 'switch.ports.index'],
    [{ ports: [port, { ...saved.ports[1], index: 1e9 }] }, 'switch.ports[1].index'],
    [{ ports: [port, { ...saved.ports[1], config: { mtu: 1 } }] }, 'switch.ports[1].config.mtu'],
    [{ ports: [port, { ...saved.ports[1], config: { spoofing: false } }] }, 'switch.ports.config.spoofing'],
    [
      { ports: [port, { ...saved.ports[1], inbound: { busyUntil: 0, frames: 0 } }] },
      'switch.ports[1].inbound.fraction',
    ],
    [{ budget: { at: 0 } }, 'switch.budget.given'],
  ])('switch: %j', (change, field) => {
    const target = lan(['a', 'b'])
    expect(() => target.restore({ ...saved, ...change })).toThrow(invalid(field))
    expect(target.save()).toEqual(saved)
  })

  test('what a peer saved, in the middle of everything, it takes; not what is not of its form', () => {
    const { a, b, world } = pair({ link: { delay: 1000 } })
    b.listen(80, {})
    const socket = a.connect({ address: '10.0.0.2', port: 80 }, { opened: (s) => s.write(new Uint8Array(9000)) })
    a.ping('10.0.0.9', { payload: new Uint8Array(3000) })
    world.runTo(5000)
    expect(socket.state).toBe('established')
    const state = a.save()
    const [first] = state.tcp.sockets
    if (first === undefined) throw new Error('no socket')
    const { numbers, sending, receiving } = first
    const withSocket = (change: object) => ({ tcp: { ...state.tcp, sockets: [{ ...first, ...change }] } })
    const changes: [object, string][] = [
      [{ kind: 'switch' }, 'peer.kind'],
      [{ v: 0 }, 'peer.v'],
      [{ identification: -1 }, 'peer.identification'],
      [{ neighbours: [{ ...state.neighbours[0], mac: 2 ** 48 }] }, 'peer.neighbours[0].mac'],
      [{ outbox: [[1]] }, 'peer.outbox[0]'],
      [withSocket({ numbers: { ...numbers, state: 'open' } }), 'peer.tcp.sockets[0].numbers.state'],
      [withSocket({ numbers: { ...numbers, una: NaN } }), 'peer.tcp.sockets[0].numbers.una'],
      [withSocket({ local: { address: new Uint8Array(5), port: 1 } }), 'peer.tcp.sockets[0].local.address'],
      [withSocket({ sending: { ...sending, bytes: new Uint8Array(262_145) } }), 'peer.tcp.sockets[0].sending'],
      [withSocket({ receiving: { ...receiving, next: 262_145 } }), 'peer.tcp.sockets[0].receiving.next'],
      [
        withSocket({ receiving: { read: 0, next: 0, pieces: [{ at: 262_144, bytes: hex('01') }] } }),
        'peer.tcp.sockets[0].receiving.pieces',
      ],
    ]
    for (const [change, field] of changes) {
      const target = pair().a
      const before = target.save()
      expect(() => target.restore({ ...state, ...change }, () => ({}))).toThrow(invalid(field))
      expect(target.save()).toEqual(before)
    }
    const target = pair({ world }).a
    target.restore(structuredClone(state), () => ({}))
    expect(target.save()).toEqual(state)
  })
})
