import type { Coverage } from './coverage.ts'

const LIFE =
  'packages/core/test/life.test.ts › offer, open, close, grant, rescind, release, unload, suspend, save and hot add in any order keep the invariants'

/** Coverage of each row of the table "Channel life": the test that fails when the defect is put back (`defects/<id>.patch`). */
export const channelCoverage: readonly Coverage[] = [
  { id: 'open-rescind-hang', caughtBy: LIFE },
  { id: 'rescind-uaf', caughtBy: LIFE },
  { id: 'subchannel-count', caughtBy: LIFE },
  {
    id: 'resume-connection-id',
    caughtBy:
      'packages/core/test/buses.test.ts › after a resume devices are recognised by their instance, whatever relid they have now',
  },
  {
    id: 'post-transient',
    caughtBy:
      'packages/core/test/guest-bus.test.ts › is asked again as Linux asks: after 1 µs, then twice as long each time, up to 100 times',
  },
  { id: 'child-after-parent', caughtBy: 'packages/core/test/host-bus.test.ts › subchannels go before their primary' },
  { id: 'gpadl-leak', caughtBy: LIFE },
  {
    id: 'gpadl-on-revoked',
    caughtBy:
      'packages/core/test/host-bus.test.ts › requests on a dying channel are answered, its relid is not reused, and its successor waits',
  },
  { id: 'relid-reuse-race', caughtBy: LIFE },
  {
    id: 'revoke-active',
    caughtBy:
      'packages/core/test/rescind.test.ts › in any order of sends, rescind, close, release, unload, pauses and saves each request ends once, and nothing is read after the end',
  },
  { id: 'offer-before-request', caughtBy: LIFE },
  { id: 'paused-but-talks', caughtBy: LIFE },
  {
    id: 'reserved-lost',
    caughtBy: 'packages/compliance/test/regressions/reserved.test.ts › reserved channels are there after a restore',
  },
  {
    id: 'max-version-restore',
    caughtBy: 'packages/core/test/buses.test.ts › a state is restored only where its version and features are spoken',
  },
  { id: 'callback-after-stop', caughtBy: LIFE },
  { id: 'gpadl-extra-body', caughtBy: 'packages/compliance/test/hostile-bus.test.ts › a hostile guest' },
  {
    id: 'gpadl-leak-open-fail',
    caughtBy:
      'packages/compliance/test/regressions/failed-open.test.ts › an open that the host refuses gives everything back',
  },
  { id: 'subchannel-race', caughtBy: 'packages/core/test/host-bus.test.ts › subchannels go before their primary' },
  {
    id: 'percpu-race',
    noCounterpart: "because neither bus keeps a list for each processor: a channel's target is one field of it",
  },
  {
    id: 'unload-absent-cpu',
    noCounterpart: "because a guest's processors do not come and go here: the answer goes to the one that made contact",
  },
  {
    id: 'duplicate-cpu',
    noCounterpart: 'because the bus places no channel: a driver names the processor when it opens',
  },
  {
    id: 'visible-then-freed',
    noCounterpart:
      'because pages are not encrypted: rings are freed by GPADL_TORNDOWN or with their channel, and no other way',
  },
  {
    id: 'reset-opening',
    noCounterpart:
      'because opening takes no time in this host: there is no channel between offered and open to wait for',
  },
  { id: 'hvsock-offer-leak', noCounterpart: 'because sockets are not built yet' },
]
