import { describe, expect, test } from 'vitest'
import { DEVICE_RULES, deviceCompliance } from '../../src/index.ts'
import { echo, type Defect } from './echo.ts'
import { subjects } from './subjects.ts'

describe.each(subjects)('$name', (subject) => {
  test('keeps every rule of devices', async () => {
    const report = await deviceCompliance(subject, { inputs: 120 }).run()
    expect(report.failures.map(({ id, transcript }) => [id, transcript?.at(-1)])).toEqual([])
    expect(report.rules).toHaveLength(DEVICE_RULES.all.length)
    for (const id of [
      'device-opens',
      'device-rescind',
      'device-restore',
      'device-reopen',
      'device-state-plain',
      'device-hostile-guest',
      'device-hostile-host',
      ...(subject.create().tally === undefined ? [] : ['device-requests']),
    ])
      expect([id, report.rules.find((rule) => rule.id === id)?.outcome]).toEqual([id, 'works'])
  })
})

test('the echo device keeps every rule', async () => {
  const report = await deviceCompliance(echo(), { inputs: 120 }).run()
  expect(report.failures.map(({ id, transcript }) => [id, transcript?.at(-1)])).toEqual([])
  expect(report.rules.map(({ outcome }) => outcome)).toEqual(DEVICE_RULES.all.map(() => 'works'))
})

const defects = DEVICE_RULES.all.map(({ id }) => id as Defect)

/** What cannot be broken without breaking it as well. */
const ALONG: Partial<Record<Defect, readonly string[]>> = {
  'device-opens': ['device-reopen'],
}

test.each(defects)('an echo device that breaks %s', async (id) => {
  const report = await deviceCompliance(echo(id), { inputs: 120 }).run()
  expect(report.failures.map((rule) => rule.id).toSorted()).toEqual([id, ...(ALONG[id] ?? [])].toSorted())
})
