import { expect, test } from 'vitest'
import { createPartition, guestMemory, type CpuidResult, type LocalApics } from '../src/index.ts'
import { identify, fixture } from './fixture.ts'

const leafOf = (r: ReturnType<typeof fixture>, leaf: number): CpuidResult | undefined => {
  const out = { eax: 0xaaaa_aaaa, ebx: 1, ecx: 2, edx: 3 }
  return r.partition.cpuid(0, leaf, 0, out) ? out : undefined
}

test('CPUID: signature, interface, version, privileges, hints and limits', () => {
  const r = fixture({
    features: {
      version: { major: 10, minor: 0x1234, build: 17763, servicePack: 7, serviceNumber: 0x0abcde, serviceBranch: 9 },
      privilegesLow: 0xae7f,
      privilegesHigh: 0x003b_8030,
      misc: 0xbed7b2,
      hints: 0x6_4e24,
      maxVps: 240,
      maxLogicalProcessors: 512,
    },
  })
  expect(leafOf(r, 0x4000_0000)).toEqual({ eax: 0x4000_0006, ebx: 0x7263_694d, ecx: 0x666f_736f, edx: 0x7648_2074 })
  expect(leafOf(r, 0x4000_0001)).toEqual({ eax: 0x3123_7648, ebx: 0, ecx: 0, edx: 0 })
  expect(leafOf(r, 0x4000_0002)).toEqual({ eax: 17763, ebx: 0x000a_1234, ecx: 7, edx: 0x090a_bcde })
  // 0xae7f without APIC registers (4); post and signal of the high half; idle, frequency, crash, direct timers.
  expect(leafOf(r, 0x4000_0003)).toEqual({ eax: 0xae6f, ebx: 0x30, ecx: 0, edx: 0x8_0520 })
  expect(leafOf(r, 0x4000_0004)).toEqual({ eax: 0x4_0a20, ebx: 0xffff_ffff, ecx: 0, edx: 0 })
  expect(leafOf(r, 0x4000_0005)).toEqual({ eax: 240, ebx: 512, ecx: 0, edx: 0 })
  expect(leafOf(r, 0x4000_ffff)).toEqual({ eax: 0, ebx: 0, ecx: 0, edx: 0 })
  expect(leafOf(r, 1)).toEqual({ eax: 0xaaaa_aaaa, ebx: 1, ecx: 0x8000_0002, edx: 3 })
  expect(leafOf(r, 2)).toBeUndefined()
  expect(leafOf(r, 0x4001_0000)).toBeUndefined()
  expect(leafOf(r, 0x8000_0000)).toBeUndefined()
})

test('values after power-on', () => {
  const r = fixture({ vps: 2048 })
  const reset: [msr: number, value: bigint | '#GP'][] = [
    [0x4000_0000, 0n],
    [0x4000_0001, 0n],
    [0x4000_0002, 0n],
    [0x4000_0003, 0n],
    [0x4000_0020, 0n],
    [0x4000_0021, 0n],
    [0x4000_0022, 1_000_000_000n],
    [0x4000_0023, 200_000_000n],
    [0x4000_0070, '#GP'],
    [0x4000_0073, 0n],
    [0x4000_0080, 0n],
    [0x4000_0081, 1n],
    [0x4000_0082, 0n],
    [0x4000_0083, 0n],
    [0x4000_0084, 0n],
    [0x4000_0090, 0x1_0000n],
    [0x4000_009f, 0x1_0000n],
    [0x4000_00b0, 0n],
    [0x4000_00b7, 0n],
    [0x4000_00b8, '#GP'],
    [0x4000_00f0, 0n],
    [0x4000_00f1, '#GP'],
    [0x4000_0105, 0xc000_0000_0000_0000n],
    [0x4000_0118, 0n],
    [0x3fff_ffff, '#GP'],
  ]
  for (const [msr, value] of reset) expect([msr.toString(16), r.read(msr)]).toEqual([msr.toString(16), value])
  expect(r.read(0x4000_0002, 2047)).toBe(2047n)
  expect(r.read(0x4000_0002, 2048)).toBe('#GP')
  expect(Object.keys(r.partition.inspect()['processors'] as object)).toEqual([])
})

test('read-only registers refuse a write, and say so', () => {
  const r = fixture()
  for (const msr of [0x4000_0002, 0x4000_0010, 0x4000_0020, 0x4000_0022, 0x4000_0023, 0x4000_0081, 0x4000_00f0]) {
    expect([msr.toString(16), r.write(msr, 1n)]).toEqual([msr.toString(16), false])
  }
  expect(r.diagnostics).toHaveLength(7)
  expect(r.diagnostics[0]).toMatchObject({ code: 'VMBUS_MSR_REFUSED', detail: { vp: 0, msr: 0x4000_0002 } })
})

test('each privilege gates its registers', () => {
  const gates: [bit: number, msrs: number[]][] = [
    [0, [0x4000_0010]],
    [1, [0x4000_0020]],
    [2, [0x4000_0080, 0x4000_0081, 0x4000_0082, 0x4000_0083, 0x4000_0084, 0x4000_0090, 0x4000_009f]],
    [3, [0x4000_00b0, 0x4000_00b7]],
    [4, [0x4000_0073]],
    [5, [0x4000_0000, 0x4000_0001]],
    [6, [0x4000_0002]],
    [7, [0x4000_0003]],
    [9, [0x4000_0021]],
    [10, [0x4000_00f0]],
    [11, [0x4000_0022, 0x4000_0023]],
    [13, [0x4000_0106, 0x4000_0107, 0x4000_0108]],
    [15, [0x4000_0118]],
  ]
  for (const [bit, msrs] of gates) {
    const without = fixture({ features: { privilegesLow: 0xffff & ~(1 << bit) } })
    const only = fixture({ features: { privilegesLow: 1 << bit } })
    for (const [other, all] of gates) {
      for (const msr of all) {
        expect([msr.toString(16), bit, without.read(msr) === '#GP']).toEqual([msr.toString(16), bit, other === bit])
        expect([msr.toString(16), bit, only.read(msr) === '#GP']).toEqual([msr.toString(16), bit, other !== bit])
      }
    }
    expect(msrs.length).toBeGreaterThan(0)
  }
  const noCrash = fixture({ features: { misc: 0 } })
  expect([noCrash.read(0x4000_0100), noCrash.read(0x4000_0105), noCrash.read(0x4000_0022)]).toEqual([
    '#GP',
    '#GP',
    '#GP',
  ])
})

test('the hypercall page: identity first, code at its start, locked until reset', () => {
  const r = fixture()
  expect(r.write(0x4000_0001, 0x5001n)).toBe(true)
  expect(r.read(0x4000_0001)).toBe(0n)
  r.write(0x4000_0000, 0x8100_0006_01c0_0000n)
  expect(r.read(0x4000_0000)).toBe(0x8100_0006_01c0_0000n)
  expect(r.write(0x4000_0001, 0x5005n)).toBe(false)
  expect(r.write(0x4000_0001, 0x40001n)).toBe(false)
  expect(r.write(0x4000_0001, 0xffff_f000_0000_5001n)).toBe(false)
  expect(r.write(0x4000_0001, 0x5001n)).toBe(true)
  expect(r.memory.bytes.slice(0x5000, 0x5006)).toEqual(Uint8Array.of(0x0f, 0x01, 0xc1, 0xc3, 0xcc, 0xcc))
  expect([r.memory.bytes[0x4fff], r.memory.bytes[0x5fff], r.memory.bytes[0x6000]]).toEqual([0, 0xcc, 0])
  r.write(0x4000_0000, 0n)
  expect(r.read(0x4000_0001)).toBe(0x5000n)
  identify(r)
  expect(r.write(0x4000_0001, 0x6003n)).toBe(true)
  expect(r.write(0x4000_0001, 0n)).toBe(false)
  expect(r.read(0x4000_0001)).toBe(0x6003n)
})

test('a machine gives its own hypercall code and learns of the write', () => {
  const wrote: [number, number][] = []
  const r = fixture({
    hypercallCode: Uint8Array.of(0xe5, 0xe6, 0xc3),
    memory: guestMemory({ size: 0x10000, wrote: (gpa, length) => wrote.push([gpa, length]) }),
  })
  identify(r)
  expect(r.memory.bytes.slice(0x5000, 0x5004)).toEqual(Uint8Array.of(0xe5, 0xe6, 0xc3, 0xcc))
  // Written once for a place, not once for each write of the register.
  r.write(0x4000_0001, 0x5001n)
  expect(wrote).toEqual([[0x5000, 4096]])
  r.write(0x4000_0001, 0x6001n)
  expect(wrote).toEqual([
    [0x5000, 4096],
    [0x6000, 4096],
  ])
})

test('SINT vectors below 16 are a #GP unless masked; other bits are kept', () => {
  const r = fixture()
  expect(r.write(0x4000_0092, 15n)).toBe(false)
  expect(r.read(0x4000_0092)).toBe(0x1_0000n)
  expect(r.write(0x4000_0092, 0x1_000fn)).toBe(true)
  expect(r.write(0x4000_0092, 0xdead_0000_0006_0010n)).toBe(true)
  expect(r.read(0x4000_0092)).toBe(0xdead_0000_0006_0010n)
})

test('message and flags pages: zeros when enabled, contents move along, #GP outside RAM', () => {
  for (const msr of [0x4000_0082, 0x4000_0083]) {
    const r = fixture()
    r.memory.bytes.fill(0xee, 0x8000, 0xb000)
    expect(r.write(msr, 0x9001n)).toBe(true)
    expect([r.memory.bytes[0x8fff], r.memory.bytes[0x9000], r.memory.bytes[0x9fff], r.memory.bytes[0xa000]]).toEqual([
      0xee, 0, 0, 0xee,
    ])
    r.memory.bytes[0x9123] = 7
    r.write(msr, 0x9801n)
    expect(r.memory.bytes[0x9123]).toBe(7)
    r.write(msr, 0xa001n)
    expect([r.memory.bytes[0xa000], r.memory.bytes[0xa123]]).toEqual([0, 7])
    expect(r.write(msr, 0x4_0001n)).toBe(false)
    expect(r.write(msr, 0x4_0000n)).toBe(true)
    expect(r.read(msr)).toBe(0x4_0000n)
  }
})

test('VP assist page: reserved bits and addresses outside RAM are a #GP, the first word becomes zero', () => {
  const r = fixture({ vps: 2 })
  r.memory.bytes.fill(0xee, 0x7000, 0x8000)
  expect(r.write(0x4000_0073, 0x7003n, 1)).toBe(false)
  expect(r.write(0x4000_0073, 0x40001n, 1)).toBe(false)
  expect(r.write(0x4000_0073, 0x7001n, 1)).toBe(true)
  expect(r.memory.bytes.slice(0x7000, 0x7006)).toEqual(Uint8Array.of(0, 0, 0, 0, 0xee, 0xee))
  expect([r.read(0x4000_0073, 1), r.read(0x4000_0073, 0)]).toEqual([0x7001n, 0n])
})

test('EOI, ICR and TPR reach the local APICs', () => {
  const calls: unknown[] = []
  const apic: LocalApics = {
    eoi: (vp) => calls.push(['eoi', vp]),
    readIcr: (_vp, out) => out.set([1, 2]),
    writeIcr: (vp, low, high) => calls.push(['icr', vp, low, high]) > 0 && low !== 0,
    readTpr: () => 0x120,
    writeTpr: (vp, priority) => calls.push(['tpr', vp, priority]),
  }
  const r = fixture({ vps: 2, apic })
  expect(leafOf(r, 0x4000_0003)?.eax).toBe(0xaeff)
  expect(r.write(0x4000_0070, 0n, 1)).toBe(true)
  expect(r.read(0x4000_0070)).toBe('#GP')
  expect(r.read(0x4000_0071)).toBe(0x2_0000_0001n)
  expect([r.write(0x4000_0071, 0x7_0000_0005n), r.write(0x4000_0071, 0n)]).toEqual([true, false])
  expect(r.read(0x4000_0072)).toBe(0x20n)
  expect([r.write(0x4000_0072, 0xffn), r.write(0x4000_0072, 0x100n)]).toEqual([true, false])
  expect(calls).toEqual([
    ['eoi', 1],
    ['icr', 0, 5, 7],
    ['icr', 0, 0, 0],
    ['tpr', 0, 0xff],
  ])
})

test('crash: five parameters, a notification, and the text at P3 of P4 bytes', () => {
  const r = fixture()
  for (let n = 0; n < 5; n++) r.write(0x4000_0100 + n, 0x1_0000_0000n + BigInt(n))
  expect(r.read(0x4000_0104)).toBe(0x1_0000_0004n)
  r.write(0x4000_0105, 1n << 62n)
  expect(r.crashes).toEqual([])
  r.write(0x4000_0105, 1n << 63n)
  expect(r.crashes).toEqual([{ parameters: [0, 1, 2, 3, 4].map((n) => 0x1_0000_0000n + BigInt(n)) }])
  r.memory.bytes.set(
    Uint8Array.from('Oops\0not this', (c) => c.charCodeAt(0)),
    0x7000,
  )
  r.write(0x4000_0103, 0x7000n)
  r.write(0x4000_0104, 9n)
  r.write(0x4000_0105, 3n << 62n)
  expect(r.crashes[1]?.message).toBe('Oops')
  // A length beyond a page is cut; a place outside RAM has no text.
  r.write(0x4000_0104, 1n << 40n)
  r.write(0x4000_0105, 3n << 62n)
  expect(r.crashes[2]?.message).toBe('Oops')
  r.write(0x4000_0103, 1n << 50n)
  r.write(0x4000_0105, 3n << 62n)
  expect(r.crashes[3]).not.toHaveProperty('message')
})

test('reset and idle are told; TSC invariance takes one bit', () => {
  const calls: unknown[] = []
  const r = fixture({ reset: () => calls.push('reset'), idle: (vp) => calls.push(vp) })
  r.write(0x4000_0003, 0n)
  r.write(0x4000_0003, 1n)
  r.read(0x4000_00f0)
  expect(calls).toEqual(['reset', 0])
  expect([r.write(0x4000_0118, 2n), r.write(0x4000_0118, 1n), r.read(0x4000_0118)]).toEqual([false, true, 1n])
})

test('re-enlightenment registers keep what is written', () => {
  const r = fixture()
  for (const msr of [0x4000_0106, 0x4000_0107, 0x4000_0108]) {
    expect(r.write(msr, 0x1_0000_0000n + BigInt(msr))).toBe(true)
    expect(r.read(msr)).toBe(0x1_4000_0000n + BigInt(msr - 0x4000_0000))
  }
})

test('options outside their range are refused', () => {
  const memory = guestMemory(4096)
  const base = { ...fixture().partition, memory, timers: { set: () => {}, clear: () => {} }, interrupt: () => {} }
  for (const vps of [0, 2049, 1.5, Number.NaN])
    expect(() => createPartition({ ...base, vps })).toThrow('VMBUS_PARTITION_OPTION')
  expect(() => createPartition({ ...base, vps: 1, hypercallCode: new Uint8Array(4097) })).toThrow(
    'VMBUS_PARTITION_OPTION',
  )
})

test('without local APICs there is no EOI, ICR or TPR', () => {
  const r = fixture()
  expect([r.write(0x4000_0070, 0n), r.read(0x4000_0071), r.read(0x4000_0072)]).toEqual([false, '#GP', '#GP'])
})

test('the guest id is told with both of its words', () => {
  const r = fixture()
  expect(r.partition.guestOsId()).toBe(0n)
  r.write(0x4000_0000, 0x8100_0006_f1c0_0003n)
  expect(r.partition.guestOsId()).toBe(0x8100_0006_f1c0_0003n)
})
