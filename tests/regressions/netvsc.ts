import type { Coverage } from './coverage.ts'

const MODEL = 'packages/netvsc/test/model.test.ts › any life of an adapter keeps every frame, section and completion'
const REGRESSIONS = 'packages/netvsc/test/regressions.test.ts'

/** Coverage of each row of the netvsc table: the test that fails when the defect is put back (`defects/<id>.patch`). */
export const netvscCoverage: readonly Coverage[] = [
  { id: 'xid-across-channels', caughtBy: MODEL },
  { id: 'rx-never-acked', caughtBy: MODEL },
  { id: 'chim-stale', caughtBy: MODEL },
  {
    id: 'ppi-overflow',
    caughtBy: 'packages/netvsc/test/codec.test.ts › an element that is longer than what is left is refused',
  },
  { id: 'wait-forever', caughtBy: MODEL },
  {
    id: 'rx-during-setup',
    noCounterpart:
      'because frames flow only after the packet filter, which the driver sets when the last subchannel is open',
  },
  { id: 'vlan-bits', caughtBy: MODEL },
  { id: 'vf-race', caughtBy: MODEL },
  { id: 'queue-pairs', caughtBy: MODEL },
  { id: 'tx-lost-on-restart', caughtBy: `${REGRESSIONS} › completions that found the ring full survive a restore` },
  { id: 'double-complete', caughtBy: MODEL },
  { id: 'oid-underflow', caughtBy: MODEL },
  { id: 'offload-ignored', caughtBy: MODEL },
  { id: 'subchannel-v1', caughtBy: MODEL },
  { id: 'filter-new-channel', caughtBy: MODEL },
  { id: 'rss-restore', caughtBy: MODEL },
  { id: 'vf-serial', caughtBy: MODEL },
  { id: 'lso-checksum', caughtBy: MODEL },
  {
    id: 'subchannels-unbounded',
    caughtBy: `${REGRESSIONS} › a host that promises more subchannels than were asked for is not believed`,
  },
  {
    id: 'linkstatus-length',
    caughtBy: `${REGRESSIONS} › a status whose buffer is not within its message is not read`,
  },
  {
    id: 'aggregation-stuck',
    caughtBy: `${REGRESSIONS} › frames whose message found the ring full go when there is room, also if nothing more is sent`,
  },
  { id: 'send-before-init', caughtBy: MODEL },
  { id: 'rss-reset', caughtBy: MODEL },
  { id: 'rx-corruption', caughtBy: MODEL },
]
