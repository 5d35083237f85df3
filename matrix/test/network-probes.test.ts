import { expect, test } from 'vitest'
import { play, type Expected } from './play.ts'

// Linux by the trees that were read: RHEL 7.9 has NVSP 6.1, RSC and a transparent VF; 7.7 has NVSP 5 and no RSC; 6.5
// has neither vRSS nor TSO; 7.0 has no messages of VFs. Hosts: NVSP 6.1 from 2019 on, 2 from 2008 R2 on; the published overview
// has vRSS from 2012 R2 on and SR-IOV of Linux from 2016 on. Without NVSP 2 no NDIS_CONFIG says how large a frame may be.
const EXPECTED: readonly Expected[] = [
  ['jumbo-frames', 'rhel 7.9', 'ws2019', 'works'],
  ['jumbo-frames', 'freebsd 13.2', 'ws2019', 'works'],
  ['jumbo-frames', 'windows server 2019', 'ws2019', 'works'],
  ['jumbo-frames', 'rhel 7.9', 'ws2008', 'fails', 'netvsc'],
  ['vlan-tagging', 'rhel 7.9', 'ws2019', 'works'],
  ['vlan-tagging', 'freebsd 13.2', 'ws2019', 'works'],
  ['vlan-tagging', 'windows server 2019', 'ws2019', 'not-run'],
  ['vrss', 'rhel 7.9', 'ws2019', 'works'],
  ['vrss', 'rhel 7.9', 'ws2012', 'not-offered', 'vrss'],
  ['vrss', 'rhel 6.5', 'ws2016', 'fails', 'vrss'],
  ['vrss', 'freebsd 13.2', 'ws2019', 'works'],
  ['vrss', 'freebsd 10.2', 'ws2019', 'fails', 'rss'],
  ['tso-checksum', 'rhel 7.9', 'ws2019', 'works'],
  ['tso-checksum', 'freebsd 13.2', 'ws2019', 'works'],
  ['tso-checksum', 'rhel 6.5', 'ws2016', 'fails', 'checksum'],
  ['tso-checksum', 'windows server 2019', 'ws2019', 'not-run'],
  ['lro', 'rhel 7.9', 'ws2019', 'works'],
  ['lro', 'rhel 7.9', 'ws2016', 'fails', 'netvsc'],
  ['lro', 'rhel 7.7', 'ws2019', 'fails', 'rsc'],
  ['lro', 'freebsd 14.0', 'ws2019', 'works'],
  ['lro', 'freebsd 12.1', 'ws2019', 'works'],
  ['lro', 'freebsd 10.4', 'ws2008r2', 'works'],
  ['lro', 'freebsd 10.2', 'ws2019', 'fails', 'lro'],
  ['sr-iov', 'rhel 7.9', 'ws2019', 'partial'],
  ['sr-iov', 'rhel 7.9', 'ws2012r2', 'not-offered', 'sr-iov'],
  ['sr-iov', 'rhel 7.0', 'ws2019', 'fails', 'vf'],
  ['sr-iov', 'freebsd 13.2', 'ws2019', 'partial'],
  ['sr-iov', 'freebsd 10.2', 'ws2019', 'fails', 'vf'],
  ['sr-iov', 'windows server 2019', 'ws2019', 'partial'],
]

test.each(EXPECTED.map((row) => [row.join(', '), row] as const))('%s', async (_, row) => {
  const [probe, release, host, outcome, field] = row
  const found = await play(probe, release, host)
  expect([found.outcome, found.decidedBy?.field, found.reason === '']).toEqual([outcome, field, outcome === 'works'])
  if (outcome === 'works') expect(found.bytes).toBeGreaterThan(1000)
})

// As many values as a run draws: a system sends packets of its own meanwhile, which are not the adapter's to count.
test.each(['debian 12', 'freebsd 13.2'])('segments of %s in every draw', async (release) => {
  expect(await play('tso-checksum', release, 'ws2022', {}, 20)).toMatchObject({ outcome: 'works', runs: 20 })
})
