import { afterAll, expect, test } from 'vitest'
import { copied } from './defective.ts'

/** Typed by hand, by what each defect breaks (tests/regressions/defects): the probes that see it, and no others. */
const RED: Readonly<Record<string, readonly string[]>> = {
  // The name of a file with a zero between its characters.
  'fcopy-name': ['file-copy'],
  // The id of a VLAN read from the bits of its priority.
  'vlan-bits': ['vlan-tagging'],
  // The host sends a large segment on as it is.
  'lso-checksum': ['tso-checksum'],
  // The host joins segments that the guest wants alone.
  'offload-ignored': ['lro'],
  // The last byte of each part of a frame over several sections is lost.
  'rx-corruption': ['lro'],
  // The data path stays with a virtual function that is gone.
  'vf-race': ['sr-iov'],
  // 2 MiB are given up where less was asked for.
  'balloon-over': ['dm-ballooning', 'runtime-memory-resize'],
  // The oldest version in common: time without references, and keys without addresses.
  'ic-negotiation': ['time-accuracy', 'static-ip-injection'],
}

const copy = copied()
afterAll(() => copy.dispose())

test.each(Object.entries(RED))(
  'with %s put back exactly these are red: %j',
  (defect, red) => {
    expect(copy.redWith(defect)).toEqual(red)
  },
  120_000,
)
