const DATA = 'packages/netvsc/test/data.test.ts'
const MODEL = 'packages/netvsc/test/model.test.ts › any life of an adapter keeps every frame, section and completion'
const HOSTILE = 'packages/netvsc/test/hostile.test.ts'
const MUSEUM = 'packages/netvsc/test/museum.test.ts'

/** What became of each row of the netvsc table: the test that fails when the defect is put back (`defects/<id>.patch`). */
export const netvscDispositions = [
  {
    id: 'xid-across-channels',
    caughtBy: `${DATA} › what fills the buffer before the guest looks is kept, the rest is counted as dropped`,
  },
  {
    id: 'rx-never-acked',
    caughtBy: `${HOSTILE} › messages with bytes changed in the receive buffer neither crash nor hang the driver, and each is completed once`,
  },
  { id: 'chim-stale', caughtBy: MODEL },
  {
    id: 'ppi-overflow',
    caughtBy: 'packages/netvsc/test/codec.test.ts › an element that is longer than what is left is refused',
  },
  { id: 'wait-forever', caughtBy: `${MUSEUM} › a host that falls silent during setup is given up` },
  {
    id: 'rx-during-setup',
    noCounterpart:
      'because frames flow only after the packet filter, which the driver sets when the last subchannel is open',
  },
  { id: 'vlan-bits', caughtBy: 'packages/netvsc/test/codec.test.ts › a chain of hash, tag and checksum' },
  { id: 'vf-race', caughtBy: `${DATA} › traffic moves to the VF and back, also when the VF goes` },
  {
    id: 'queue-pairs',
    caughtBy: `${MUSEUM} › setting what RSS hashes leaves the table and the key, and a restore leaves all of it`,
  },
  { id: 'tx-lost-on-restart', caughtBy: `${MUSEUM} › completions that found the ring full survive a restore` },
  { id: 'double-complete', caughtBy: `${HOSTILE} › is answered once with a failure for a section without a message` },
  {
    id: 'oid-underflow',
    caughtBy: `${MUSEUM} › a query with an information buffer that begins after the message is refused`,
  },
  {
    id: 'offload-ignored',
    caughtBy: `${DATA} › a large segment is coalesced for a guest that asks for it, and cut for others`,
  },
  {
    id: 'subchannel-v1',
    caughtBy:
      'packages/netvsc/test/wire.test.ts › messages are padded as hosts and guests do: 40 bytes from Linux, 32 below 6.1 from the host, 8 for a receipt',
  },
  {
    id: 'filter-new-channel',
    caughtBy: `${DATA} › the filter holds: directed, broadcast, multicast, promiscuous, nothing`,
  },
  {
    id: 'rss-restore',
    caughtBy: `${MUSEUM} › setting what RSS hashes leaves the table and the key, and a restore leaves all of it`,
  },
  { id: 'vf-serial', caughtBy: `${DATA} › traffic moves to the VF and back, also when the VF goes` },
  {
    id: 'lso-checksum',
    caughtBy: `${DATA} › checksums and large segments are left to the host, and are right on the wire`,
  },
  {
    id: 'subchannels-unbounded',
    caughtBy: `${MUSEUM} › a host that promises more subchannels than were asked for is not believed`,
  },
  { id: 'linkstatus-length', caughtBy: `${MUSEUM} › a status whose buffer is not within its message is not read` },
  {
    id: 'aggregation-stuck',
    caughtBy: `${MUSEUM} › frames whose message found the ring full go when there is room, also if nothing more is sent`,
  },
  { id: 'send-before-init', caughtBy: MODEL },
  {
    id: 'rss-reset',
    caughtBy: `${MUSEUM} › setting what RSS hashes leaves the table and the key, and a restore leaves all of it`,
  },
  {
    id: 'rx-corruption',
    caughtBy: `${DATA} › a large segment is coalesced for a guest that asks for it, and cut for others`,
  },
] as const
