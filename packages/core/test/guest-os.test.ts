import { expect, test } from 'vitest'
import { saysRoom } from '../src/host-bus/guest-os.ts'

// openvmm netvsp/src/lib.rs: FreeBSD is trusted from __FreeBSD_version 1400097 (0x155d21) on, others always.
test.each([
  ['FreeBSD 14.0', 0x8200_0015_5d21_0000n, true],
  ['FreeBSD 1400096', 0x8200_0015_5d20_0000n, false],
  ['FreeBSD 13.1', 0x8200_0013_da08_0000n, false],
  ['Linux 6.1', 0x8100_0006_0100_0000n, true],
  ['a guest that did not say', 0n, true],
])('%s', (_name, id, says) => {
  expect(saysRoom(id)).toBe(says)
})
