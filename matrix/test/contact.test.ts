import { hostProfile, type HostProfile } from '@vmbus/host'
import { describe, expect, test } from 'vitest'
import { guestOf, isGuest, type MatrixGuest } from '../src/guests/guests.ts'
import { coreProbe } from '../src/probes/core.ts'
import { kvpProbe } from '../src/probes/kvp.ts'
import { liveMigrationProbe } from '../src/probes/live-migration.ts'
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

  test('is not asked of a probe of whole lists, or of one without an adapter', () => {
    expect(contactOf(guest('debian 12'), host('ws2022'), coreProbe).adapter).toBeUndefined()
    expect(contactOf(guest('debian 12'), host('ws2022'), kvpProbe).adapter).toBeUndefined()
  })
})
