import type { GuestDriverSpec, HostDeviceSpec } from '@vmbus/core'
import { createHost, ws2022, type HostProfile } from '@vmbus/host'
import { scopedTimers } from '@vmbus/world'
import { INTERRUPT_MODES, type InterruptMode } from '@vmbus/testbench'
import { describe, expect, test } from 'vitest'
import {
  PROTOCOL_RULES,
  compliance,
  hostCompliance,
  type ComplianceOptions,
  type HostUnderTest,
  type Report,
} from '../../src/index.ts'
import { wrongDevice, wrongDriver, type Edit } from './interposer.ts'

/** What is wrong, and the rule that says so. */
export type Wrong = readonly [what: string, rule: string, edit: Edit]

export interface Judged {
  readonly kind: string
  readonly device: () => HostDeviceSpec
  readonly driver: () => GuestDriverSpec
  readonly options?: ComplianceOptions
  readonly profile?: HostProfile
  readonly drivers: () => readonly Wrong[]
  readonly devices: () => readonly Wrong[]
}

/** One whole life: enough for every fault here. */
const OPTIONS: ComplianceOptions = { memoryMB: 2, moments: [] }

/** A host that offers one device. */
const hostWith = (device: HostDeviceSpec, profile: HostProfile = ws2022): HostUnderTest => ({
  name: profile.id,
  attach(port) {
    const made = createHost(profile, {
      ...port,
      timers: scopedTimers(port.timers, 'own'),
      interrupt: (vp, vector) => port.interrupt(vp, vector),
    })
    made.offer(device)
    return { partition: made.partition, bus: made.bus, timer: (name) => made.timer(name.slice('own/'.length)) }
  },
})

const failed = ({ failures }: Report): readonly (readonly [string, string | undefined])[] =>
  failures.map(({ id, transcript }) => [id, transcript?.at(-1)])

/** Rules of the device with this outcome. */
const outcomes = ({ rules }: Report, kind: string, outcome: string): readonly string[] =>
  rules.filter((rule) => rule.outcome === outcome && rule.id.includes(`-${kind}-`)).map(({ id }) => id)

/**
 * A right driver on a right host keeps every rule, and each wrong one breaks the rule that names its fault.
 * Where a guest runs within its host's sends, a channel may be closed before the host has read the last of it: there a rule about that
 * may have no occasion.
 */
export function judge({ kind, device, driver, options, profile, drivers, devices }: Judged): void {
  const given = { ...OPTIONS, ...options }
  const runGuest = (spec: GuestDriverSpec, interrupts?: InterruptMode): Promise<Report> =>
    compliance(hostWith(device(), profile), { ...given, ...(interrupts && { interrupts }) }).run(spec)
  const runHost = (spec: HostDeviceSpec, interrupts?: InterruptMode): Promise<Report> =>
    hostCompliance(hostWith(spec, profile), { ...given, ...(interrupts && { interrupts }) }).run([driver()])

  describe(kind, () => {
    test.each(INTERRUPT_MODES)('a right driver keeps every rule with %s interrupts', async (interrupts) => {
      const report = await runGuest(driver(), interrupts)
      expect(failed(report)).toEqual([])
      if (interrupts === 'deferred') expect(outcomes(report, kind, 'not-applicable')).toEqual([])
    })
    test.each(INTERRUPT_MODES)('a right host keeps every rule with %s interrupts', async (interrupts) => {
      const report = await runHost(device(), interrupts)
      expect(failed(report)).toEqual([])
      if (interrupts === 'deferred') expect(outcomes(report, kind, 'not-applicable')).toEqual([])
    })
    test('each rule has one that breaks it', () => {
      const { guest = [], host = [] } = PROTOCOL_RULES[kind] ?? {}
      const named = new Set([...drivers(), ...devices()].map(([, rule]) => rule))
      const own = [...guest, ...host].map(({ id }) => id).filter((id) => id.includes(`-${kind}-`))
      // Not every end has something to say of its peer beyond what all components have.
      expect(own.filter((id) => !named.has(id) && !id.endsWith('-accepted'))).toEqual([])
    })
    test.each([...drivers()])('a driver that %s breaks %s', async (_what, rule, edit) => {
      const report = await runGuest(wrongDriver(driver(), edit))
      expect(report.failures.map(({ id }) => id)).toContain(rule)
    })
    test.each([...devices()])('a host that %s breaks %s', async (_what, rule, edit) => {
      const report = await runHost(wrongDevice(device(), edit))
      expect(report.failures.map(({ id }) => id)).toContain(rule)
    })
  })
}
