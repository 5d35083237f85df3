import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHost, ws2022, type Host, type HostProfile } from '@vmbus/host'
import { guestMemory } from '@vmbus/hypervisor'
import { createDisk, openDisk } from '@vmbus/disk/file'
import type { HostMachine, SessionResult } from '@vmbus/machine-v86'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bootReport, type RealHostResult } from '../src/real/boot-report.ts'
import type { RealDevice } from '../src/real/device.ts'
import { host as hostFactory } from '../src/real/host-module.ts'
import { realFcopy } from '../src/real/fcopy.ts'
import { realNetvsc } from '../src/real/netvsc.ts'
import { realStorvsc } from '../src/real/storvsc.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmbus-real-'))
  file = join(folder, 'disk.vhdx')
  createDisk({ path: file, format: 'vhdx', size: '8M' }).close()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const memory = guestMemory(1 << 20)
const world = () => ({ memory, clock: virtualClock(), seed: seeded(1), interrupt: () => undefined })
const hostOf = (profile: HostProfile): Host => createHost(profile, { ...world(), timers: timerQueue(() => undefined) })
const machine: HostMachine = {
  ...world(),
  hypercallCode: Uint8Array.of(0xc3),
  imposed: { tscFrequency: 1e9, apicFrequency: 1e9, requiredHints: 0, tscOrigin: 0n },
  timers: (fire) => timerQueue(fire),
  connect: () => undefined,
  emit: () => undefined,
  diagnose: () => undefined,
}
const storage = (profile: HostProfile, disks: readonly object[]): RealDevice | undefined =>
  realStorvsc(hostOf(profile), { disks }, machine, new Map())
/** Opens only when nobody has it to write. */
const isFree = (): boolean => {
  openDisk(file).close()
  return true
}

describe('the disks of a host', () => {
  it('are let go of when the guest loses one, and when the host is closed', () => {
    const device = storage(ws2022, [{ size: '8M' }, { file }])
    expect(isFree).toThrow('somebody else has it open')
    device?.actions?.['remove']?.(1)
    expect(isFree()).toBe(true)
    // The lowest number that is free.
    expect(device?.actions?.['add']?.({ file })).toBe(1)
    expect(isFree).toThrow('somebody else has it open')
    device?.actions?.['remove']?.(1)
    expect([isFree(), device?.actions?.['add']?.({ file })]).toEqual([true, 1])
    device?.close?.()
    expect(isFree()).toBe(true)
  })

  it('are let go of when another one cannot be opened', () => {
    expect(() => storage(ws2022, [{ file }, { file: join(folder, 'none.vhdx') }])).toThrow('none.vhdx')
    expect(isFree()).toBe(true)
  })

  it('are let go of when the host does not take the controller', () => {
    const disks = [{ file }]
    const given = { disks, controller: 'floppy' }
    expect(() => realStorvsc(hostOf(ws2022), given, machine, new Map())).toThrow('floppy')
    expect(isFree()).toBe(true)
  })

  it('are let go of when a later device of the host cannot be made', () => {
    const options = { profile: 'ws2022', devices: { storvsc: { disks: [{ file }] }, toaster: {} } }
    expect(() => hostFactory(machine, options)).toThrow('unknown device: toaster')
    expect(isFree()).toBe(true)
  })

  it('and the trace file are closed with the host', () => {
    const traceFile = join(folder, 'trace')
    const hooks = hostFactory(machine, { profile: 'ws2022', devices: { storvsc: { disks: [{ file }] } }, traceFile })
    expect(existsSync(traceFile)).toBe(true)
    expect(isFree).toThrow('somebody else has it open')
    hooks.close?.()
    expect(isFree()).toBe(true)
    expect(hooks.call?.('inspect', undefined)).toBeDefined()
  })
})

describe('a restore', () => {
  const refused = (act: () => void): string => {
    try {
      act()
    } catch (error) {
      const { code, field } = error as { code?: string; field?: string }
      return `${code} ${field}`
    }
    return 'taken'
  }
  const size = { size: '8M' }

  it('of disks takes the state of each, and of no other', () => {
    const device = storage(ws2022, [size, size])
    const saved = device?.save?.() as { disks: Record<string, object> }
    const { 0: first, 1: second } = saved.disks
    for (const [disks, field] of [
      [{ 0: first }, 'matrix-storvsc.disks.1'],
      [{ 0: first, 1: second, 2: second }, 'matrix-storvsc.disks.2'],
      [{ 0: first, 1: null }, 'matrix-storvsc.disks.1'],
      [{ 0: first, 1: { ...second, v: 99 } }, 'checkpoints.v'],
    ] as const)
      for (const act of [device?.checkState, device?.restore])
        expect(refused(() => act?.({ ...saved, disks }))).toBe(`VMBUS_STATE_INVALID ${field}`)
    expect(refused(() => device?.restore?.([[0, first]]))).toMatch(/^VMBUS_STATE_INVALID/)
    expect(refused(() => device?.restore?.(saved))).toBe('taken')
  })

  it('of a network looks at the peer before the switch has changed', () => {
    const made = (): RealDevice | undefined => realNetvsc(hostOf(ws2022), {}, machine, new Map())
    const device = made()
    const before = device?.save?.() as { peer: object }
    const other = made()
    other?.actions?.['link']?.(false)
    const saved = other?.save?.() as { peer: object }
    expect(saved).not.toEqual(before)
    const damaged = { ...saved, peer: { ...saved.peer, v: 99 } }
    for (const act of [device?.checkState, device?.restore])
      expect(refused(() => act?.(damaged))).toBe('VMBUS_STATE_INVALID peer.v')
    expect(device?.save?.()).toEqual(before)
    device?.restore?.(saved)
    expect(device?.save?.()).toEqual(saved)
  })

  it('of files takes those that were there', () => {
    const made = (): RealDevice | undefined => realFcopy(hostOf(ws2022), {}, machine, new Map())
    const [device, other] = [made(), made()]
    const file = { source: 'a', bytes: Uint8Array.of(1) }
    device?.actions?.['file']?.(file)
    const saved = device?.save?.()
    expect(refused(() => device?.restore?.([['b', 'text']]))).toMatch(/^VMBUS_STATE_INVALID/)
    other?.actions?.['file']?.({ ...file, source: 'b' })
    other?.restore?.(saved)
    expect(other?.save?.()).toEqual(saved)
  })

  it('of a host changes no device when another part is no state', () => {
    const options = { profile: 'ws2022', devices: { netvsc: {}, fcopy: {} } }
    const hooks = hostFactory(machine, options)
    const before = structuredClone(hooks.save?.()) as { devices: Record<string, object>; host: object }
    hooks.call?.('fcopy.file', { source: 'a', bytes: Uint8Array.of(1) })
    const changed = hooks.save?.()
    const { devices, host } = before
    for (const damaged of [
      { ...before, devices: { ...devices, netvsc: { ...devices['netvsc'], v: 99 } } },
      { ...before, host: { ...host, v: 99 } },
    ])
      expect(refused(() => hooks.restore?.(damaged))).toMatch(/^VMBUS_STATE_INVALID/)
    expect(hooks.save?.()).toEqual(changed)
    hooks.restore?.(before)
    expect(hooks.save?.()).toEqual(before)
  })
})

describe('the report', () => {
  const report = (version: string | null, messages: number) => {
    const counts = { messages, packets: 0, signals: 0, interrupts: 0 } as RealHostResult['counts']
    const measured: RealHostResult = { version, offered: [], counts, transcriptSha256: '', devices: {} }
    const result = { outcome: 'works', host: measured } as unknown as SessionResult
    const { outcome, reason } = bootReport('ws2022', result)
    return [outcome, reason]
  }

  it('says of a guest that never asked no more than that', () => {
    expect(report(null, 0)).toEqual(['not-run', 'nothing in the guest asked for VMBus: no bus driver was loaded'])
    expect(report(null, 6)).toEqual(['fails', 'the kernel found no VMBus version in common with this host and gave up'])
    expect(report('5.3', 26)).toEqual(['works', 'connected over VMBus 5.3'])
  })
})
