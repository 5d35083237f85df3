import type { VfLink } from '@vmbus/guest-linux'
import type { Frame } from '@vmbus/switch'
import { describe, expect, test } from 'vitest'
import { GUEST, PEER, connected, type Net } from './net.ts'

const SERIAL = 3
/** NVSP message 129 with the data path behind it, at the beginning of a packet's payload (wire/04 §5). */
const SWITCH_TO = (path: string): RegExp => new RegExp(`81000000${path}000000`)

/** A Linux, the host's side of a virtual function, and the function's port into the same switch. */
async function withFunction(
  kernel: string,
): Promise<Net & { attach(): VfLink; readonly passed: { out: number; in: number } }> {
  const passed = { out: 0, in: 0 }
  let link: VfLink | undefined
  const made = await connected(kernel, {
    adapter: {
      vfReceive(frame: Frame) {
        passed.in++
        link?.receive(frame)
      },
    },
  })
  const port = made.lan.connect({ name: 'function', receive: () => undefined })
  return Object.assign(Object.create(made) as Net, {
    passed,
    attach() {
      link = made.eth0.attachVf({
        serial: SERIAL,
        send(frame) {
          passed.out++
          return port.send(frame)
        },
      })
      return link
    },
  })
}

const said = ({ crossed }: Net, path: string): number =>
  crossed.filter((line) => line.startsWith('packet to host') && SWITCH_TO(path).test(line)).length

describe('the virtual function of a simulated Linux', () => {
  test('takes over the traffic of its interface once host and driver name it, and gives it back', async () => {
    const made = await withFunction('6.1')
    const { eth0, nic, guest, world, passed } = made
    expect(eth0.vf).toEqual({ serial: 0, dataPath: 'synthetic' })
    nic.associateVf(SERIAL)
    world.run({ ms: 10 })
    expect([eth0.vf, nic.dataPath]).toEqual([{ serial: SERIAL, dataPath: 'synthetic' }, 'synthetic'])
    const link = made.attach()
    world.run({ ms: 10 })
    expect([eth0.vf, nic.dataPath, said(made, '01')]).toEqual([{ serial: SERIAL, dataPath: 'vf' }, 'vf', 1])
    await expect(guest.net('eth0').ping(PEER)).resolves.toBe(true)
    // ARP and the echo request out, their answers in, and the question to all as well: both ports are of one switch.
    expect(passed).toEqual({ out: 2, in: 3 })
    link.detach()
    world.run({ ms: 10 })
    expect([eth0.vf.dataPath, nic.dataPath, said(made, '00')]).toEqual(['synthetic', 'synthetic', 1])
    await expect(guest.net('eth0').ping(PEER)).resolves.toBe(true)
    expect(passed).toEqual({ out: 2, in: 3 })
  })

  test('is joined in either order, and left when the host takes it away', async () => {
    const made = await withFunction('6.1')
    const { eth0, nic, guest, world, passed } = made
    made.attach()
    world.run({ ms: 10 })
    expect(eth0.vf.dataPath).toBe('synthetic')
    nic.associateVf(SERIAL)
    world.run({ ms: 10 })
    expect([eth0.vf, nic.dataPath]).toEqual([{ serial: SERIAL, dataPath: 'vf' }, 'vf'])
    nic.dissociateVf()
    world.run({ ms: 10 })
    expect(eth0.vf).toEqual({ serial: 0, dataPath: 'synthetic' })
    await expect(guest.net('eth0').ping(PEER)).resolves.toBe(true)
    expect(passed).toEqual({ out: 0, in: 0 })
  })

  test('is joined again after the adapter was opened again', async () => {
    const made = await withFunction('6.1')
    const { eth0, nic, guest, world } = made
    nic.associateVf(SERIAL)
    made.attach()
    world.run({ ms: 10 })
    eth0.setMtu(1400)
    await guest.until('driver:up')
    world.run({ ms: 10 })
    expect([eth0.vf, nic.dataPath]).toEqual([{ serial: SERIAL, dataPath: 'vf' }, 'vf'])
  })

  test('of another serial is not joined', async () => {
    const made = await withFunction('6.1')
    made.attach()
    made.nic.associateVf(SERIAL + 1)
    made.world.run({ ms: 10 })
    expect([made.eth0.vf, made.nic.dataPath]).toEqual([{ serial: SERIAL + 1, dataPath: 'synthetic' }, 'synthetic'])
  })

  test('has the data path in 4.8, where its interface stays apart: a bond joins the two', async () => {
    const made = await withFunction('4.8')
    const { eth0, nic, world, passed } = made
    const heard: number[] = []
    eth0.onFrame((frame) => void heard.push(frame.length))
    nic.associateVf(SERIAL)
    made.attach()
    world.run({ ms: 10 })
    expect([eth0.vf.dataPath, nic.dataPath, said(made, '01')]).toEqual(['vf', 'vf', 1])
    made.peer.ping(GUEST)
    world.run({ ms: 10 })
    // The question came on the function's way, and is not the interface's.
    expect([passed.in > 0, passed.out, heard, made.answered]).toEqual([true, 0, [], []])
  })

  test('is not told of to a driver without the messages', async () => {
    const made = await withFunction('4.4')
    made.nic.associateVf(SERIAL)
    made.attach()
    made.world.run({ ms: 10 })
    expect([made.eth0.vf, made.nic.dataPath]).toEqual([{ serial: 0, dataPath: 'synthetic' }, 'synthetic'])
    await expect(made.guest.net('eth0').ping(PEER)).resolves.toBe(true)
  })
})
