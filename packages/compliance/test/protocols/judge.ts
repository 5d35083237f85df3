import type { GuestDriverSpec, HostDeviceSpec } from '@vmbus/core'
import { createHost, ws2022, type HostProfile } from '@vmbus/host'
import { scopedTimers } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { compliance, hostCompliance, type ComplianceOptions, type HostUnderTest, type Report } from '../../src/index.ts'
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
  /** Rules that a right pair has no occasion to break. */
  readonly idle?: { readonly guest?: readonly string[]; readonly host?: readonly string[] }
}

/** One whole life: enough for every fault here. */
const OPTIONS: ComplianceOptions = { memoryMB: 2, moments: [] }

/** A host that offers one device. */
export const hostWith = (device: HostDeviceSpec, profile: HostProfile = ws2022): HostUnderTest => ({
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

/** A right driver on a right host keeps every rule, and each wrong one breaks the rule that names its fault. */
export function judge({ kind, device, driver, options, profile, drivers, devices, idle }: Judged): void {
  const given = { ...OPTIONS, ...options }
  const runGuest = (spec: GuestDriverSpec): Promise<Report> => compliance(hostWith(device(), profile), given).run(spec)
  const runHost = (spec: HostDeviceSpec): Promise<Report> =>
    hostCompliance(hostWith(spec, profile), given).run([driver()])

  describe(kind, () => {
    test('a right driver keeps every rule', async () => {
      const report = await runGuest(driver())
      expect(failed(report)).toEqual([])
      expect(outcomes(report, kind, 'not-applicable')).toEqual(idle?.guest ?? [])
    })
    test('a right host keeps every rule', async () => {
      const report = await runHost(device())
      expect(failed(report)).toEqual([])
      expect(outcomes(report, kind, 'not-applicable')).toEqual(idle?.host ?? [])
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
