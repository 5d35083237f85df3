import { guestMemory, type LocalApics } from '@vmbus/hypervisor'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { expect, test } from 'vitest'
import { createHost, ws2022, type HostOptions, type HostProfile } from '../src/index.ts'

function make(profile: HostProfile, options: Partial<HostOptions> = {}) {
  const timers = timerQueue((name) => host.timer(name))
  const host = createHost(profile, {
    memory: guestMemory(1 << 20),
    clock: virtualClock(),
    timers,
    seed: seeded(1),
    interrupt: () => {},
    ...options,
  })
  return host
}

test("a machine's local APICs are behind the registers of its guest", () => {
  const calls: string[] = []
  const apic: LocalApics = {
    eoi: (vp) => void calls.push(`eoi ${vp}`),
    readIcr: (_vp, out) => out.set([0x4500, 0x0200_0000]),
    writeIcr: (vp, low, high) => {
      calls.push(`icr ${vp} ${low.toString(16)} ${high.toString(16)}`)
      return true
    },
    readTpr: () => 0x20,
    writeTpr: (vp, priority) => void calls.push(`tpr ${vp} ${priority}`),
  }
  const { partition } = make(ws2022, { apic, vps: 2 })
  // EOI, ICR (an INIT for APIC 2) and TPR (wire/01 §2).
  expect(partition.wrmsr(1, 0x4000_0070, 0, 0)).toBe(true)
  expect(partition.wrmsr(1, 0x4000_0071, 0x4500, 0x0200_0000)).toBe(true)
  expect(partition.wrmsr(1, 0x4000_0072, 0x30, 0)).toBe(true)
  expect(calls).toEqual(['eoi 1', 'icr 1 4500 2000000', 'tpr 1 48'])
  const out = new Uint32Array(2)
  expect([partition.rdmsr(0, 0x4000_0071, out), [...out]]).toEqual([true, [0x4500, 0x0200_0000]])
  expect([partition.rdmsr(0, 0x4000_0072, out), [...out]]).toEqual([true, [0x20, 0]])
  // Leaf 3, EAX bit 4: APIC access registers.
  const leaf = { eax: 0, ebx: 0, ecx: 0, edx: 0 }
  partition.cpuid(0, 0x4000_0003, 0, leaf)
  expect(leaf.eax & 0x10).toBe(0x10)
})

test('without local APICs there are no such registers', () => {
  const { partition } = make(ws2022)
  expect([0x70, 0x71, 0x72].map((msr) => partition.wrmsr(0, 0x4000_0000 + msr, 0, 0))).toEqual([false, false, false])
})

test('a machine hears whether an interrupt ends itself', () => {
  const interrupts: unknown[] = []
  const { partition } = make(ws2022, { interrupt: (...args) => void interrupts.push(args) })
  partition.wrmsr(0, 0x4000_0092, 0x2_00f3, 0)
  partition.wrmsr(0, 0x4000_0080, 1, 0)
  partition.assertSint(0, 2)
  expect(interrupts).toEqual([[0, 0xf3, true]])
})
