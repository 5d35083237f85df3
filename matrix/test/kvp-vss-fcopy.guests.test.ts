import type { CopyResult } from '@vmbus/fcopy'
import type { KvpCompletion } from '@vmbus/kvp'
import type { BackupResult } from '@vmbus/vss'
import { describe, expect, it } from 'vitest'
import { KERNELS, daemons, ended, started, type Kernel } from './kvp-vss-fcopy.ts'

const NO_VMBUS = 'no VMBus'
const NOT_OFFERED = 'not offered'
const NOT_OPENED = 'closed'

/**
 * Message version of each component on each host. Hosts: hosts.json, ic.max of kvp, vss and fcopy, of which the host
 * offers each version up to that one. Kernels: wire/06 §2 (KVP 4.0, 3.0, 1.0 with framework 3.0 or 1.0; VSS 5.0 and
 * fcopy 1.1 with framework 3.0 alone). VMBus: 5.10 connects to every host, 6.1 needs 2.4 (boot.guests.test.ts). Linux's
 * VSS does not open its channel below VMBus 3.0, so not that of Windows Server 2012; KVP 5.0 is above its newest.
 */
const NEWEST = { kvp: '4.0', vss: '5.0', fcopy: '1.1' }
const HOSTS: Readonly<Record<string, { kvp: string; vss: string; fcopy: string; needs?: '5.10' }>> = {
  ws2008: { kvp: '1.0', vss: NOT_OFFERED, fcopy: NOT_OFFERED, needs: '5.10' },
  ws2008r2: { kvp: '3.0', vss: NOT_OFFERED, fcopy: NOT_OFFERED, needs: '5.10' },
  ws2012: { kvp: '4.0', vss: NOT_OPENED, fcopy: NOT_OFFERED },
  ws2012r2: NEWEST,
  'win10-1507': NEWEST,
  'win10-1511': NEWEST,
  ws2016: NEWEST,
  'win10-1703': NEWEST,
  'win10-1709': NEWEST,
  'win10-1803': NEWEST,
  ws2019: NEWEST,
  'win10-1903': NEWEST,
  'win10-2004': NEWEST,
  ws2022: NEWEST,
  'win11-22h2': NEWEST,
  ws2025: NEWEST,
  azurelocal: NEWEST,
}

/** The keys of the pool auto in the order of their indices (wire/06 §6). */
const INTRINSIC = [
  'FullyQualifiedDomainName',
  'IntegrationServicesVersion',
  'NetworkAddressIPv4',
  'NetworkAddressIPv6',
  'OSBuildNumber',
  'OSName',
  'OSMajorVersion',
  'OSMinorVersion',
  'OSVersion',
  'ProcessorArchitecture',
]

const E_FAIL = 0x80004005
const isOld = ({ release }: Kernel): boolean => release === 'debian-11'

describe.each(KERNELS)('$release $flavour', (kernel) => {
  it.each(Object.entries(HOSTS))('on %s', { timeout: 300_000 }, async (profile, hosts) => {
    await using guest = await started(kernel, profile, { kvp: {}, vss: {}, fcopy: {} })
    const expected =
      hosts.needs === '5.10' && !isOld(kernel) ? { kvp: NO_VMBUS, vss: NO_VMBUS, fcopy: NO_VMBUS } : hosts
    const loaded = await guest.load(guest.image.modules)
    expect(loaded['hv_vmbus']?.status === 0).toBe(expected.kvp !== NO_VMBUS)
    if (expected.kvp === NO_VMBUS) return
    const offered = (['kvp', 'vss', 'fcopy'] as const).filter((kind) => expected[kind] !== NOT_OFFERED)

    // Before there are daemons: no keys, and E_FAIL at once from the others.
    await guest.run(1)
    const seen: Record<string, string> = { vss: NOT_OFFERED, fcopy: NOT_OFFERED }
    if (expected.vss === NEWEST.vss)
      expect(await ended<BackupResult>(guest, 'vss.backup', {})).toMatchObject({
        outcome: 'failed',
        stage: 'check',
        status: E_FAIL,
      })
    if (expected.fcopy === NEWEST.fcopy) {
      await guest.call('fcopy.file', { source: 'f', bytes: new TextEncoder().encode('contents') })
      const early = { source: 'f', size: 8, path: '/tmp', name: 'early' }
      expect(await ended<CopyResult>(guest, 'fcopy.copy', early)).toMatchObject({ outcome: 'failed', status: E_FAIL })
    }
    await daemons(guest, ...offered)
    for (const kind of offered) {
      const state = (await guest.call(`${kind}.inspect`)) as { phase: string; message?: string }
      seen[kind] = state.message ?? state.phase
    }
    expect(seen).toEqual({ kvp: expected.kvp, vss: expected.vss, fcopy: expected.fcopy })

    expect(await ended<KvpCompletion>(guest, 'kvp.set', { key: 'Schlüssel', value: profile })).toMatchObject({
      outcome: 'ok',
    })
    const { output } = await guest.exec(
      "tr -d '\\000' < /var/lib/hyperv/.kvp_pool_0; wc -c < /var/lib/hyperv/.kvp_pool_0",
    )
    expect(output.replaceAll(/\s/g, '')).toBe(`Schlüssel${profile}2560`)
    // Linux finds the key and answers it empty: hosts enumerate.
    expect(await ended<KvpCompletion>(guest, 'kvp.get', { pool: 'external', key: 'Schlüssel' })).toMatchObject({
      outcome: 'ok',
      item: { value: '' },
    })
    expect((await ended<KvpCompletion>(guest, 'kvp.enumerate', { pool: 'external' })).items).toEqual([
      { key: 'Schlüssel', type: 'string', value: profile },
    ])
    const { items = [] } = await ended<KvpCompletion>(guest, 'kvp.enumerate', { pool: 'auto' })
    expect(items.map(({ key }) => key)).toEqual(INTRINSIC)
    expect(items.find(({ key }) => key === 'OSBuildNumber')?.value).toMatch(isOld(kernel) ? /^5\.10\./ : /^6\.1\./)
    if (expected.vss === NEWEST.vss)
      expect(await ended<BackupResult>(guest, 'vss.backup', {})).toMatchObject({ outcome: 'ok', consistent: true })
    else expect(await guest.call('vss.backup', {}).catch(String)).toMatch(/not-connected|unknown action/)
    if (expected.fcopy !== NEWEST.fcopy) return
    const copy = { source: 'f', size: 8, path: '/tmp', name: 'größe.txt' }
    expect(await ended<CopyResult>(guest, 'fcopy.copy', copy)).toMatchObject({ outcome: 'ok', sent: 8 })
    expect((await guest.exec('cat /tmp/größe.txt')).output.trim()).toBe('contents')
  })
})
