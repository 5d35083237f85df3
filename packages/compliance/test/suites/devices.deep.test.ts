import { expect, test } from 'vitest'
import { deviceCompliance } from '../../src/index.ts'
import { subjects } from './subjects.ts'

/** Mutated packets against each end, some forty times as many as in the fast tests. */
const INPUTS = 5000
/** The devices that write files, freeze disks and take memory. */
const NAMES = ['balloon', 'kvp', 'vss', 'fcopy']

test.each(NAMES)(`%s keeps every rule of devices under ${INPUTS} mutated packets on each end`, async (name) => {
  const subject = subjects.find((each) => each.name === name)
  if (subject === undefined) return expect.unreachable()
  const report = await deviceCompliance(subject, { seed: 77, inputs: INPUTS }).run()
  expect(report.failures.map(({ id, transcript }) => [id, transcript?.at(-1)])).toEqual([])
})
