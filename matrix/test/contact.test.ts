import { hostProfile, type HostProfile } from '@vmbus/host'
import { describe, expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import type { MatrixGuest } from '../src/guests/types.ts'
import { coreProbe } from '../src/probes/core.ts'
import { kvpProbe } from '../src/probes/kvp.ts'
import { liveMigrationProbe } from '../src/probes/live-migration.ts'
import { trimProbe } from '../src/probes/trim.ts'
import { vrssProbe } from '../src/probes/vrss.ts'
import { contactOf } from '../src/worlds/contact.ts'

const host = (id: string): HostProfile => {
  const found = hostProfile(id)
  if (found === undefined) throw new Error(id)
  return found
}
const guest = (release: string): MatrixGuest => {
  const found = guestOf(release)
  if (!isGuest(found)) throw new Error(found.reason)
  return found
}

/** VMBus 0.13 to 5.3 (Linux include/linux/hyperv.h, VERSION_WS2008 and those after it). */
const [BUS_0_13, BUS_1_1, BUS_2_4, BUS_3_0, BUS_4_0, BUS_4_1, BUS_5_0, BUS_5_1, BUS_5_2, BUS_5_3] = [
  13, 0x1_0001, 0x2_0004, 0x3_0000, 0x4_0000, 0x4_0001, 0x5_0000, 0x5_0001, 0x5_0002, 0x5_0003,
]
const FROM_3_0 = [BUS_5_3, BUS_5_2, BUS_5_1, BUS_5_0, BUS_4_1, BUS_4_0, BUS_3_0]
/** VSTOR 2.0, 4.2, 5.1 and 6.0 (Linux drivers/scsi/storvsc_drv.c, VMSTOR_PROTO_VERSION_*). */
const [STOR_2_0, STOR_4_2, STOR_5_1, STOR_6_0] = [0x200, 0x402, 0x501, 0x600]

describe('what a probe of the bus sees', () => {
  test('is what the guest tries until the host takes one, and what the host has up to that', () => {
    // RHEL 9.0 has all of them.
    expect(contactOf(guest('rhel 9.0'), host('ws2012r2'), coreProbe)).toMatchObject({
      guest: FROM_3_0,
      host: [BUS_0_13, BUS_1_1, BUS_2_4, BUS_3_0],
    })
    expect(contactOf(guest('rhel 6.4'), host('ws2022'), coreProbe)).toMatchObject({
      guest: [BUS_0_13],
      host: [BUS_0_13],
    })
  })

  test('is everything where they have none in common', () => {
    // RHEL 9.6 has what is older than 2.4 no more.
    expect(contactOf(guest('rhel 9.6'), host('ws2008r2'), coreProbe)).toMatchObject({
      guest: [...FROM_3_0, BUS_2_4],
      host: [BUS_0_13, BUS_1_1],
    })
  })

  test('is otherwise the version that they agree on', () => {
    expect(contactOf(guest('rhel 9.0'), host('ws2012r2'), kvpProbe).guest).toEqual([BUS_3_0])
  })
})

describe('what is seen of a host’s versions of storage', () => {
  test('ends at the newest that the guest has as well', () => {
    // RHEL 6.4 has 4.2 alone; Debian 12 all.
    expect(contactOf(guest('rhel 6.4'), host('ws2022'), trimProbe).storage).toEqual([STOR_2_0, STOR_4_2])
    expect(contactOf(guest('debian 12'), host('ws2012r2'), trimProbe).storage).toEqual([
      STOR_2_0,
      STOR_4_2,
      STOR_5_1,
      STOR_6_0,
    ])
  })

  test('is nothing to a probe without a disk', () => {
    expect(contactOf(guest('debian 12'), host('ws2012r2'), kvpProbe).storage).toBeUndefined()
  })
})

/** NVSP 1, 2, 4, 5, 6 and 6.1 (Linux drivers/net/hyperv/hyperv_net.h, NVSP_PROTOCOL_VERSION_*). */
const [V1, V2, V4, V5, V6, V61] = [2, 0x3_0002, 0x4_0000, 0x5_0000, 0x6_0000, 0x6_0001]

describe('what both ends agree on of an adapter', () => {
  test('is the newest version that both have, and what is older on the host', () => {
    // Windows Server 2012 R2 ends at 5, Debian 12 begins at 6.1.
    expect(contactOf(guest('debian 12'), host('ws2012r2'), vrssProbe).adapter?.agreed).toEqual({
      guest: [V5],
      host: [V1, V2, V4, V5],
    })
    expect(contactOf(guest('debian 12'), host('ws2022'), liveMigrationProbe).adapter?.agreed).toEqual({
      guest: [V61],
      host: [V1, V2, V4, V5, V6, V61],
    })
  })

  test('tells which end keeps it low', () => {
    const low = (release: string, id: string) => contactOf(guest(release), host(id), vrssProbe).adapter?.hostIsOlder
    expect([low('debian 12', 'ws2012r2'), low('debian 12', 'ws2022'), low('rhel 6.4', 'ws2022')]).toEqual([
      true,
      false,
      false,
    ])
  })

  test('is not asked of a probe of what is tried, or of one without an adapter', () => {
    expect(contactOf(guest('debian 12'), host('ws2022'), coreProbe).adapter).toBeUndefined()
    expect(contactOf(guest('debian 12'), host('ws2022'), kvpProbe).adapter).toBeUndefined()
  })
})
