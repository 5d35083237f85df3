import { grids, release } from '@vmbus/catalog'
import { hostProfile } from '@vmbus/host'
import { expect, test } from 'vitest'
import { assemble } from '../../src/cells/assemble.ts'
import { CAUSES } from '../../src/cells/causes/index.ts'
import { PROBES } from '../../src/probes/index.ts'
import { storiesOf } from '../../src/results/read.ts'
import { runPlan } from '../../src/run/run.ts'
import { simulations } from '../../src/runner.ts'

/** A cell of the published grids for each cause, typed by hand: what is measured there differs, and joins it. */
const EXPLAINED: readonly (readonly [cause: string, release: string, host: string, feature: string])[] = [
  ['balloon-on-2008r2', 'rhel 6.4', 'ws2008r2', 'dm-ballooning'],
  ['fibre-channel-on-2012', 'rhel 6.5', 'ws2012', 'virtual-fc'],
  ['processors-of-old-hosts', 'rhel 9.1', 'ws2016', 'vcpu-256'],
  ['unmap-on-2012', 'rhel 6.10', 'ws2012', 'trim'],
  ['port-names-on-2012', 'rhel 7.4', 'ws2012', 'scsi-wwn'],
  ['hot-add-on-2008r2', 'rhel 6.4', 'ws2008r2', 'dm-hot-add'],
  ['azure-local-left-out', 'sles 15', 'azurelocal', 'runtime-memory-resize'],
  ['rhel7-memory-2.0', 'rhel 7.3', 'ws2016', 'runtime-memory-resize'],
  ['rhel610-backports', 'rhel 6.10', 'ws2016', 'runtime-memory-resize'],
  ['rhel64-hot-add', 'rhel 6.4', 'ws2012', 'dm-hot-add'],
  ['rhel73-vf', 'rhel 7.3', 'ws2022', 'sr-iov'],
  ['oracle-core-blank', 'oracle 6.4 rhck', 'ws2012r2', 'core'],
  ['oracle-rhck-file-copy', 'oracle 6.6 rhck', 'ws2012r2', 'file-copy'],
  ['oracle-rhck-time', 'oracle 7.6 rhck', 'ws2019', 'time-accuracy'],
  ['lis-rhel5-subchannels', 'rhel 5.2 + lis 4.1', 'ws2012r2', 'vrss'],
  ['lis-rhel5-lsvmbus', 'rhel 5.2 + lis 4.3', 'ws2008r2', 'lsvmbus'],
  ['lis-rhel6-newer', 'rhel 6.10 + lis 4.3', 'ws2016', 'sr-iov'],
  ['lis-rhel7-newer', 'rhel 7.1 + lis 4.3', 'azurelocal', 'time-accuracy'],
  ['debian-fibre-channel', 'debian 10', 'ws2012r2', 'virtual-fc'],
  ['debian8-kernel', 'debian 8', 'ws2016', 'vrss'],
  ['debian7-kvp', 'debian 7', 'ws2012r2', 'kvp'],
  ['freebsd104-more', 'freebsd 10.4', 'ws2016', 'trim'],
  ['freebsd-resize', 'freebsd 10.3', 'ws2012r2', 'vhdx-resize'],
  ['rhel70-capacity', 'rhel 7.0', 'ws2012r2', 'vhdx-resize'],
  ['sles11sp3-fibre-channel', 'sles 11 sp3', 'ws2019', 'virtual-fc'],
  ['sles11sp4-vrss', 'sles 11 sp4', 'ws2016', 'vrss'],
  ['sles12sp1-newer', 'sles 12 sp1', 'ws2016', 'lsvmbus'],
  ['ubuntu1204-kernel', 'ubuntu 12.04', 'ws2012', 'static-ip-injection'],
  ['ubuntu1404-unread', 'ubuntu 14.04', 'ws2016', 'vrss'],
  ['uek3-unread', 'oracle uek3 qu2', 'ws2019', 'live-backup'],
  ['ubuntu-no-i386', 'ubuntu 20.04', 'ws2019', 'pae-kernel'],
  ['rhel64-backup', 'rhel 6.4', 'ws2012r2', 'live-backup'],
  ['freebsd110-shift', 'freebsd 11.0', 'ws2022', 'time-accuracy'],
  ['freebsd-index-rule', 'freebsd 10.1', 'ws2008r2', 'kvp'],
  ['guest-inferred', 'rhel 5.9', 'ws2008r2', 'kvp'],
  ['inside-bracket', 'rhel 6.8', 'ws2012r2', 'trim'],
]

test('each cause explains something', () => {
  expect(EXPLAINED.map(([cause]) => cause).toSorted()).toEqual(CAUSES.map(({ id }) => id).toSorted())
})

test.each(EXPLAINED)('%s: %s on %s, %s', async (cause, key, host, id) => {
  const [row, profile, feature] = [release(key), hostProfile(host), grids().features.find((each) => each.id === id)]
  if (row === undefined || profile === undefined || feature === undefined) throw new Error('not known')
  const probes = PROBES.filter((probe) => probe.feature === id)
  const plan = simulations.planOf([{ release: key, host: profile }], probes, { seed: 3, runs: 1 })
  const executions = await runPlan(plan, { workers: 0 })
  const selection = { releases: [row], hosts: [profile], features: [feature] }
  const [story] = storiesOf(assemble(selection, simulations, plan, executions))
  expect(story).toMatchObject({ verdict: 'differs', cause })
})
