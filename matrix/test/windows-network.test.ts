import { hostProfile } from '@vmbus/host'
import { expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { PROBES } from '../src/probes/index.ts'
import { execute } from '../src/run/execute.ts'

/** What a probe says of Windows Server 2022 on its own host, and what decided, with a value that is another's. */
async function outcomeOf(id: string, field?: string, value?: unknown): Promise<unknown> {
  const delta = {
    name: 'another',
    fieldsOf: () => (field === undefined ? {} : { [field]: { value, basis: 'real', source: 'taken away' } as const }),
  }
  const [guest, profile] = [guestOf('windows server 2022', delta), hostProfile('ws2022')]
  const probe = PROBES.find((each) => each.id === id)
  if (!isGuest(guest) || profile === undefined || probe === undefined) throw new Error('not known')
  const { outcome, decidedBy } = await execute({ id, probe, guest, profile, seed: 2, runs: 3 })
  return [outcome, decidedBy?.field]
}

test.each([
  ['vrss', 'works', 'rss', false],
  ['lro', 'works', 'rsc', false],
  // The function itself is a PCI device, which has no model here.
  ['sr-iov', 'partial', 'vf', 'none'],
] as const)(
  '%s of a Windows guest fails without what it names, and with nothing else',
  async (id, has, field, lost) => {
    expect(await outcomeOf(id)).toEqual([has, undefined])
    expect(await outcomeOf(id, field, lost)).toEqual(['fails', field])
    for (const [other, value] of [
      ['rss', false],
      ['rsc', false],
      ['vf', 'none'],
    ] as const)
      if (other !== field) expect(await outcomeOf(id, other, value)).toEqual([has, undefined])
  },
)

test.each(['vlan-tagging', 'tso-checksum'])('of %s no source tells, which is said', async (id) => {
  expect(await outcomeOf(id)).toEqual(['not-run', undefined])
})
