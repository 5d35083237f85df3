import { expect, it } from 'vitest'
import { paragraph } from '../../src/report/paragraph.ts'
import type { Story } from '@vmbus/report'
import { read } from '../cells/stories.ts'

const place = {
  release: { key: 'rhel 7.9', family: 'rhel', kernel: '3.10.0-1160', drivers: 'built-in' },
  host: { id: 'ws2022', name: 'Windows Server 2022', facts: [] },
  feature: { id: 'trim', name: 'TRIM support', group: 'storage', probes: ['trim'] },
} as const

const story: Story = {
  outcome: 'no-driver',
  evidence: 'simulated-sourced',
  verdict: 'not-covered',
  reason: 'asks for no VPD page',
  reads: [read('vmbus'), read('vpd')],
  published: [],
}
const told = (decidedBy?: Story['decidedBy']): string =>
  paragraph(place, { ...story, ...(decidedBy !== undefined && { decidedBy }) }, [])

it('names the field that decided, wherever it stands among those that were read', () => {
  expect(told({ of: 'guest', field: 'vpd' })).toContain(
    "It is decided by one value: the guest's vpd is 5.3 (source-read: the tree of vpd).",
  )
})

it('names all that was read where the field that decided is not among it, or none did', () => {
  const all =
    "What was read: the guest's vmbus is 5.3 (source-read: the tree of vmbus); the guest's vpd is 5.3 (source-read: the tree of vpd)."
  expect(told({ of: 'host', field: 'vpd' })).toContain(all)
  expect(told({ of: 'guest', field: 'tape' })).toContain(all)
  expect(told()).toContain(all)
})
