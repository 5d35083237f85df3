import { expect, test } from 'vitest'
import { identify, fixture, type Fixture } from './fixture.ts'

const INPUT = 0x6000
const POST = 0x5c
const SIGNAL = 0x5d
const FAST = 0x1_0000

/** hv_input_post_message by hand: id, reserved, type, size, payload. */
function input(r: Fixture, gpa: number, connection: number, type: number, size: number, payload: number[] = []): void {
  const { view, bytes } = r.memory
  view.setUint32(gpa, connection, true)
  view.setUint32(gpa + 4, 0, true)
  view.setUint32(gpa + 8, type, true)
  view.setUint32(gpa + 12, size, true)
  bytes.set(payload, gpa + 16)
}
const call = (r: Fixture, control: number, low: number, high = 0, controlHigh = 0): number =>
  r.partition.hypercall(0, control, controlHigh, low, high, 0, 0)

function ready(options: Parameters<typeof fixture>[0] = {}): Fixture {
  const r = fixture(options)
  identify(r)
  return r
}

test('without a guest id every hypercall is #UD', () => {
  const r = fixture()
  expect(call(r, FAST | SIGNAL, 1)).toBe(-1)
  identify(r)
  expect(call(r, FAST | SIGNAL, 1)).toBe(0x12)
  r.write(0x4000_0000, 0n)
  expect(call(r, FAST | SIGNAL, 1)).toBe(-1)
})

test('post message hands type and payload to the port of its connection, and returns its status', () => {
  const r = ready({ vps: 3 })
  const got: unknown[] = []
  r.partition.connectMessagePort(4, (vp, type, payload) => {
    got.push([vp, type, [...payload]])
    return payload.length === 8 ? 0 : 0x13
  })
  input(r, INPUT, 4, 1, 8, [14, 0, 0, 0, 0, 0, 0, 0])
  expect(r.partition.hypercall(2, POST, 0, INPUT, 0, 0, 0)).toBe(0)
  // The upper 8 bits of the id are not significant.
  input(r, INPUT, 0xab00_0004, 1, 240)
  expect(call(r, POST, INPUT)).toBe(0x13)
  expect(got).toEqual([
    [2, 1, [14, 0, 0, 0, 0, 0, 0, 0]],
    [0, 1, [14, ...Array.from({ length: 239 }, () => 0)]],
  ])
  expect(r.trace.filter((e) => e.kind === 'hypercall')).toEqual([
    { kind: 'hypercall', vp: 2, code: POST, status: 0 },
    { kind: 'hypercall', vp: 0, code: POST, status: 0x13 },
  ])
})

test('post message: fast 2, then alignment 4, then memory 0x0B, then size 3, then connection 0x12', () => {
  const r = ready({ ram: 64 * 4096 })
  r.partition.connectMessagePort(1, () => 0)
  expect(call(r, FAST | POST, 3, 0xffff_ffff)).toBe(2)
  expect(call(r, POST, INPUT + 4)).toBe(4)
  expect(call(r, POST, 0x6f08)).toBe(4)
  expect(call(r, POST, 64 * 4096 + 4)).toBe(4)
  expect(call(r, POST, 64 * 4096)).toBe(0x0b)
  expect(call(r, POST, 0, 0xffff_ffff)).toBe(0x0b)
  input(r, INPUT, 99, 1, 241)
  expect(call(r, POST, INPUT)).toBe(3)
  input(r, INPUT, 99, 1, 240)
  expect(call(r, POST, INPUT)).toBe(0x12)
  input(r, 0x6f00, 1, 1, 0)
  expect(call(r, POST, 0x6f00)).toBe(0)
})

test('signal event: flag 0x11, then reserved bits 3, then connection 0x12; the same from memory', () => {
  const r = ready()
  const got: unknown[] = []
  r.partition.connectEventPort(0x2005, (vp, flag) => {
    got.push([vp, flag])
    return 0
  })
  const vectors: [low: number, high: number, status: number][] = [
    [0x2005, 0, 0],
    [0x2005, 1, 0x11],
    [0xff00_2005, 0x0001_0001, 0x11],
    [0x2005, 0x0001_0000, 3],
    [0x0100_2005, 0, 3],
    [0x2006, 0, 0x12],
  ]
  for (const [low, high, status] of vectors) {
    expect(call(r, FAST | SIGNAL, low, high)).toBe(status)
    r.memory.view.setUint32(INPUT, low, true)
    r.memory.view.setUint32(INPUT + 4, high, true)
    expect(call(r, SIGNAL, INPUT)).toBe(status)
  }
  expect(got).toEqual([
    [0, 0],
    [0, 0],
  ])
  expect(call(r, SIGNAL, INPUT + 4)).toBe(4)
  expect(call(r, SIGNAL, 64 * 4096)).toBe(0x0b)
})

test('privilege 6, reserved control bits 3, unknown code 2, repetition or variable header 3', () => {
  const r = ready()
  expect(call(r, 0x5b, 0)).toBe(2)
  expect(call(r, 0, 0)).toBe(2)
  for (const bit of [27, 28, 29, 30]) expect(call(r, (FAST | SIGNAL | (1 << bit)) >>> 0, 2)).toBe(3)
  for (const bit of [12, 15, 28, 31]) expect(call(r, FAST | SIGNAL, 2, 0, (1 << bit) >>> 0)).toBe(3)
  expect(call(r, 0x5b, 0, 0, 0x1000)).toBe(3)
  expect(call(r, FAST | SIGNAL | (1 << 17), 2)).toBe(3)
  expect(call(r, FAST | SIGNAL, 2, 0, 1)).toBe(3)
  expect(call(r, FAST | SIGNAL, 2, 0, 1 << 16)).toBe(3)
  const poor = ready({ features: { privilegesHigh: 1 << 4 } })
  expect(call(poor, FAST | SIGNAL | (1 << 27), 2)).toBe(6)
  expect(call(poor, FAST | POST, 2)).toBe(2)
  const mute = ready({ features: { privilegesHigh: 1 << 5 } })
  expect(call(mute, FAST | POST, 2)).toBe(6)
  expect(mute.diagnostics.map((d) => d.code)).toEqual(['VMBUS_HYPERCALL_REJECTED'])
})

test('ports: one id, one port', () => {
  const { partition } = fixture()
  partition.connectMessagePort(1, () => 0)
  expect(() => partition.connectEventPort(1, () => 0)).toThrow('VMBUS_PORT_IN_USE')
  partition.disconnectPort(1)
  partition.connectEventPort(1, () => 0)
  expect(() => partition.connectMessagePort(1, () => 0)).toThrow('VMBUS_PORT_IN_USE')
  expect(() => partition.connectMessagePort(0x100_0000, () => 0)).toThrow('VMBUS_PARTITION_OPTION')
})
