import { expect, test } from 'vitest'
import { guestProcessor, takeEventFlags, triggerMonitor, type GuestProcessor } from '../src/index.ts'
import { fixture, siefpOf, simpOf, type Fixture } from './fixture.ts'

const msrWrites = (r: Fixture): string[] =>
  r.trace.flatMap((e) => (e.kind === 'msr' && e.write ? [`${e.msr.toString(16)}=${e.lo.toString(16)}`] : []))
const up = (r: Fixture, vp = 0): GuestProcessor => {
  const cpu = guestProcessor(r.partition, vp)
  cpu.enableSynic({ messagePage: simpOf(vp), eventFlagsPage: siefpOf(vp), vector: 0xf3 })
  return cpu
}

test('bring-up and tear-down write the registers of Linux in its order, keeping reserved bits', () => {
  const r = fixture()
  r.write(0x4000_0092, 0x5a_0000_0000_0000n | 0x1_00ffn | 0x2_0000n)
  r.trace.length = 0
  const cpu = up(r)
  cpu.disableSynic()
  expect(msrWrites(r)).toEqual([
    '40000083=10001',
    '40000082=11001',
    '40000092=f3',
    '40000080=1',
    '40000092=100f3',
    '40000083=0',
    '40000082=0',
    '40000080=0',
  ])
  expect(r.read(0x4000_0092)).toBe(0x5a_0000_0001_00f3n)
  cpu.enableSynic({ messagePage: simpOf(), eventFlagsPage: siefpOf(), vector: 0x40, sint: 4, autoEoi: true })
  expect(r.read(0x4000_0094)).toBe(0x2_0040n)
})

test('a message is copied out, its slot freed, and EOM written only when another waits', () => {
  const r = fixture()
  const cpu = up(r)
  const into = new Uint8Array(256)
  expect(cpu.takeMessage(simpOf(), 2, into)).toBe(false)
  for (const n of [7, 8]) r.partition.postMessage(0, 2, 1, Uint8Array.of(n))
  r.trace.length = 0
  expect([cpu.takeMessage(simpOf(), 2, into), into[4], into[16]]).toEqual([true, 1, 7])
  expect(msrWrites(r)).toEqual(['40000084=0'])
  expect([cpu.takeMessage(simpOf(), 2, into), into[16]]).toEqual([true, 8])
  expect(cpu.takeMessage(simpOf(), 2, into)).toBe(false)
  expect(msrWrites(r)).toEqual(['40000084=0'])
})

test('a slot that changed while it was copied is left as it is', () => {
  const r = fixture()
  const cpu = up(r)
  for (const n of [7, 8]) r.partition.postMessage(0, 2, 1, Uint8Array.of(n))
  r.trace.length = 0
  const racing = Object.assign(new Uint8Array(256), { set: () => r.memory.view.setUint32(simpOf() + 512, 5, true) })
  expect(cpu.takeMessage(simpOf(), 2, racing)).toBe(true)
  expect([r.memory.view.getUint32(simpOf() + 512, true), msrWrites(r)]).toEqual([5, []])
})

test('event flags are taken lowest first and once; flag 0 is left alone', () => {
  const r = fixture({ vps: 2 })
  up(r, 1)
  for (const flag of [2047, 0, 31, 32, 1]) r.partition.signalEvent(1, 2, flag)
  const seen: number[] = []
  takeEventFlags(r.memory, siefpOf(1), 2, (flag) => seen.push(flag))
  expect(seen).toEqual([1, 31, 32, 2047])
  takeEventFlags(r.memory, siefpOf(1), 2, (flag) => seen.push(flag))
  expect(seen).toHaveLength(4)
  expect(r.memory.bytes[siefpOf(1) + 512]).toBe(1)
})

test('hypercalls by a driver', () => {
  const r = fixture({ vps: 2 })
  const got: unknown[] = []
  r.partition.connectMessagePort(4, (vp, type, payload) => {
    got.push([vp, type, payload.slice()])
    return 0
  })
  r.partition.connectEventPort(2, (vp) => {
    got.push(vp)
    return 0
  })
  const cpu = guestProcessor(r.partition, 1)
  expect(() => cpu.signalEvent(2)).toThrow('VMBUS_GUEST_FAULT: #UD')
  cpu.enableHypercalls(0x8100_0000_0000_0000n, 0x5000)
  expect([
    cpu.signalEvent(2),
    cpu.signalEvent(3),
    cpu.signalEventSlow(0x6000, 2, 0),
    cpu.signalEventSlow(0x6000, 2, 1),
  ]).toEqual([0, 0x12, 0, 0x11])
  r.memory.bytes.fill(0xee, 0x6000, 0x7000)
  expect([
    cpu.postMessage(0x6100, 4, 1, Uint8Array.of(1, 2)),
    cpu.postMessage(0x6100, 9, 1, new Uint8Array(240)),
  ]).toEqual([0, 0x12])
  expect(got).toEqual([1, 1, [1, 1, Uint8Array.of(1, 2)]])
  expect(() => cpu.postMessage(0x6100, 4, 1, new Uint8Array(241))).toThrow('VMBUS_PARTITION_OPTION')
})

test('identity, time and faults', () => {
  const r = fixture()
  const cpu = guestProcessor(r.partition)
  expect(cpu.cpuid(0x4000_0001).eax).toBe(0x3123_7648)
  r.clock.advanceTo(0x1_2345_6789)
  expect(cpu.referenceTime()).toBe(0x1_2345_6789)
  expect(cpu.rdmsr(0x4000_0020)).toBe(0x1_2345_6789n)
  expect(() => cpu.rdmsr(0x4000_0bad)).toThrow('VMBUS_GUEST_FAULT')
  expect(() => cpu.wrmsr(0x4000_0002, 1n)).toThrow('VMBUS_GUEST_FAULT')
  const blind = guestProcessor(fixture({ features: { privilegesLow: 0 } }).partition)
  expect(() => blind.referenceTime()).toThrow('VMBUS_GUEST_FAULT')
})

test('a monitor trigger is bit id&31 of the pending word of group id/32', () => {
  const { memory } = fixture()
  triggerMonitor(memory, 0x3000, 70)
  triggerMonitor(memory, 0x3000, 127)
  expect(memory.view.getUint32(0x3000 + 8 + 2 * 8, true)).toBe(1 << 6)
  expect(memory.view.getUint32(0x3000 + 8 + 3 * 8, true)).toBe(0x8000_0000)
})

test('a flag that another takes while its word is looked at is not taken twice', () => {
  const r = fixture()
  up(r)
  for (const flag of [1, 31]) r.partition.signalEvent(0, 2, flag)
  const seen: number[] = []
  takeEventFlags(r.memory, siefpOf(), 2, (flag) => {
    seen.push(flag)
    r.memory.words[(siefpOf() + 512) / 4] = 0
  })
  expect(seen).toEqual([1])
})
