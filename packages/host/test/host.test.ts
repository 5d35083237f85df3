import type { HostDeviceSpec } from '@vmbus/core'
import type { LocalApics } from '@vmbus/hypervisor'
import { describe, expect, test } from 'vitest'
import { damaged, taken } from '@vmbus/world/testing'
import { hostProfiles, ws2008, ws2019, ws2022, type HostProfile } from '../src/index.ts'
import { makeHost } from './make-host.ts'

const PROBE: HostDeviceSpec = {
  kind: 'probe',
  offer: { interfaceId: '11111111-2222-3333-4444-555555555555', instanceId: '00000000-0000-0000-0000-000000000001' },
  create: () => ({
    open: () => 0,
    readable: () => {},
    close: () => {},
    save: () => null,
    restore: () => {},
    inspect: () => ({}),
  }),
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
  const { partition } = makeHost(ws2022, { apic, vps: 2 })
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
  const { partition } = makeHost(ws2022)
  expect([0x70, 0x71, 0x72].map((msr) => partition.wrmsr(0, 0x4000_0000 + msr, 0, 0))).toEqual([false, false, false])
})

test('a machine hears whether an interrupt ends itself', () => {
  const interrupts: unknown[] = []
  const { partition } = makeHost(ws2022, { interrupt: (...args) => void interrupts.push(args) })
  partition.wrmsr(0, 0x4000_0092, 0x2_00f3, 0)
  partition.wrmsr(0, 0x4000_0080, 1, 0)
  partition.assertSint(0, 2)
  expect(interrupts).toEqual([[0, 0xf3, true]])
})

describe('a saved state', () => {
  const offering = (profile: HostProfile) => {
    const host = makeHost(profile)
    host.offer(PROBE)
    return host
  }

  test("is taken by a host of its profile alone, and by a host's restore alone", () => {
    const saved = offering(ws2022).save()
    offering(ws2022).restore(saved)
    for (const profile of [ws2019, ws2008]) {
      const host = offering(profile)
      expect(taken([{ at: profile.id, state: saved }], host)).toEqual([])
      expect(() => host.checkState(saved)).toThrow('VMBUS_STATE_INVALID')
    }
    const host = offering(ws2022)
    host.checkState(saved)
    expect(taken([{ at: 'v', state: { ...(saved as object), v: 99 } }], host)).toEqual([])
  })

  test('is taken over by what a look at it gives, and not before', () => {
    const saved = offering(ws2022).save()
    const host = offering(ws2022)
    host.partition.wrmsr(0, 0x4000_0000, 0x1_0000, 0x8100_0006)
    const take = host.checkState(saved)
    expect(host.save()).not.toEqual(saved)
    take()
    expect(host.save()).toEqual(saved)
  })

  test('with one thing wrong is refused, and neither partition nor bus has changed', () => {
    const host = offering(ws2022)
    host.partition.wrmsr(0, 0x4000_0000, 0x1_0000, 0x8100_0006)
    const states = [...damaged(host.save(), (path) => /^\.bus\.devices\.\d+\.state/.test(path))]
    expect(states.length).toBeGreaterThan(100)
    expect(taken(states, host)).toEqual([])
  })
})

test('the key-value component of Windows Server 2012 R2 and of everything after it speaks 5.0', () => {
  const newest = hostProfiles.map(({ id, devices }) => [id, Math.max(...(devices.kvp?.message ?? [])) >>> 16])
  // 1.0 to 4.0: LIS hv_kvp.c. 5.0: LIS/lis-next issue 593, "Message version: Negotiated (4.0) - Expected (5.0)".
  expect(newest.slice(0, 4)).toEqual([
    ['ws2008', 1],
    ['ws2008r2', 3],
    ['ws2012', 4],
    ['ws2012r2', 5],
  ])
  expect(newest.slice(4).filter(([, version]) => version !== 5)).toEqual([])
})
