import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CopyResult } from '@vmbus/fcopy'
import type { KvpCompletion } from '@vmbus/kvp'
import type { Guest } from '@vmbus/machine-v86'
import type { BackupResult } from '@vmbus/vss'
import { afterAll, describe, expect, it } from 'vitest'
import { INFO, KERNELS, daemons, ended, result, sha256, type Kernel } from './kvp-vss-fcopy.ts'
import { bootGuest } from './real-guest.ts'

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

/**
 * The oldest that offers both, with the older kernel, and the newest, with the newer one, copy in 32 MiB and withdraw a
 * backup that was never thawed; fcopy.guests.test.ts and vss.guests.test.ts have one between with both. Compiled, because
 * so much takes an interpreter a minute.
 */
const heavyHost = (kernel: Kernel): string => (isOld(kernel) ? 'ws2012r2' : 'ws2025')

const DEVICES = {
  kvp: {},
  vss: { hold: true, limits: { snapshot: 1000 } },
  fcopy: {},
  netvsc: {},
  storvsc: { disks: [] },
}
const MODULES = ['hv_vmbus', 'hv_utils', 'hv_netvsc', 'hv_storvsc', 'sd_mod', 'ext4']

const folder = mkdtempSync(join(tmpdir(), 'vmbus-services-'))
afterAll(() => rmSync(folder, { recursive: true }))

const E_FAIL = 0x80004005
/** A message of the service holds 6 KiB of a file: four of them, the last one short. */
const SIZE = 20_000
const HEAVY_SIZE = 32 << 20
const bytes = Uint8Array.from({ length: HEAVY_SIZE }, (_, i) => Math.imul(i, 0x9e37_79b1) >>> 19)
const digest = (size: number): string => createHash('sha256').update(bytes.subarray(0, size)).digest('hex')

const isOld = ({ release }: Kernel): boolean => release === 'debian-11'

/** Writes without a pause that a backup could fall into, and counts its rounds. */
const LOAD =
  '(i=0; while true; do i=$((i+1)); echo $i > /m/f$((i % 8)); cat /m/f* > /m/all; mv /m/all /m/done; echo $i > /tmp/rounds; sleep 0.4; done) >/dev/null 2>&1 &'
const rounds = async (guest: Guest): Promise<number> => Number((await guest.exec('cat /tmp/rounds')).output)

/** The disk as it is while the guest stands still is one that e2fsck finds clean, without a journal to replay. */
async function backedUp(guest: Guest, image: string): Promise<void> {
  const id = (await guest.call('vss.backup', {})) as number
  await guest.until('event:vss:frozen', { seconds: 100 })
  const frozenAt = await rounds(guest)
  copyFileSync(image, `${image}.copy`)
  await guest.call('storvsc.add', { file: `${image}.copy` })
  await guest.run(1)
  const { status, output } = await guest.exec('e2fsck -fn /dev/sdb')
  expect({ status, output }).toEqual({ status: 0, output: expect.not.stringMatching(/journal|wrong|Fix/) as string })
  expect(await rounds(guest)).toBe(frozenAt)
  await guest.call('vss.snapshotDone', true)
  expect(await result<BackupResult>(guest, 'vss', id)).toMatchObject({ outcome: 'ok', consistent: true, status: 0 })
  await guest.run(2)
  expect(await rounds(guest)).toBeGreaterThan(frozenAt)
}

/** Linux gives a daemon that hangs 30 seconds, answers for it, and forgets what it says later. */
async function survivesHungDaemon(guest: Guest): Promise<void> {
  await guest.exec('kill -STOP $(pidof hv_vss_daemon)')
  expect(await ended<BackupResult>(guest, 'vss.backup', {})).toMatchObject({
    outcome: 'failed',
    stage: 'check',
    status: E_FAIL,
  })
  await guest.exec('kill -CONT $(pidof hv_vss_daemon); sleep 1')
}

/** Linux waits for its host's thaw for ever; when the service is withdrawn, its daemon thaws the disk. */
async function survivesWithoutThaw(guest: Guest): Promise<void> {
  const seen = guest.events.length
  const id = (await guest.call('vss.backup', {})) as number
  while (!guest.events.slice(seen).some(({ name }) => name === 'vss:frozen'))
    await guest.until('event:vss:frozen', { seconds: 100 })
  const stoppedAt = await rounds(guest)
  await guest.run(15)
  expect(await rounds(guest)).toBe(stoppedAt)
  expect((await guest.exec('echo alive > /tmp/alive; cat /tmp/alive')).output.trim()).toBe('alive')
  await guest.call('vss.rescind')
  expect(await result<BackupResult>(guest, 'vss', id)).toMatchObject({ outcome: 'closed', consistent: false })
  await guest.run(3)
  expect(await rounds(guest)).toBeGreaterThan(stoppedAt)
}

describe.each(KERNELS)('$release $flavour', (kernel) => {
  it.each(Object.entries(HOSTS))('on %s', { timeout: 600_000 }, async (profile, hosts) => {
    const heavy = profile === heavyHost(kernel)
    const more = heavy ? { memoryMB: 320, jit: true } : {}
    await using guest = await bootGuest(kernel, { profile, devices: DEVICES }, more)
    const expected =
      hosts.needs === '5.10' && !isOld(kernel) ? { kvp: NO_VMBUS, vss: NO_VMBUS, fcopy: NO_VMBUS } : hosts
    const image = join(folder, `${kernel.release}-${profile}`)
    writeFileSync(image, '')
    truncateSync(image, 8 << 20)
    expect(await guest.call('storvsc.add', { file: image })).toBe(0)
    const loaded = await guest.load(MODULES)
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
      await guest.call('fcopy.file', { source: 'f', bytes: heavy ? bytes : bytes.subarray(0, SIZE) })
      const early = { source: 'f', size: SIZE, path: '/tmp', name: 'early' }
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
    // Debian has no script that would apply an address; a host of KVP below 3.0 has no request for it.
    if (expected.kvp === '1.0') expect(await guest.call('kvp.setIp', INFO)).toBe('not-supported')
    else
      expect(await ended<KvpCompletion>(guest, 'kvp.setIp', INFO)).toMatchObject({ outcome: 'failed', status: E_FAIL })

    if (expected.fcopy === NEWEST.fcopy) {
      const copy = { source: 'f', size: SIZE, path: '/tmp' }
      for (const name of ['x', 'n'.repeat(255), 'größe €.txt']) {
        expect(await ended<CopyResult>(guest, 'fcopy.copy', { ...copy, name })).toMatchObject({
          outcome: 'ok',
          sent: SIZE,
        })
        expect(await sha256(guest, `/tmp/${name}`)).toBe(digest(SIZE))
      }
      if (heavy) {
        const big = { ...copy, size: HEAVY_SIZE, name: 'big' }
        expect(await ended<CopyResult>(guest, 'fcopy.copy', big, 1000)).toMatchObject({ outcome: 'ok' })
        expect(await sha256(guest, '/tmp/big')).toBe(digest(HEAVY_SIZE))
      }
    }
    if (expected.vss === NEWEST.vss) {
      if (heavy) await survivesHungDaemon(guest)
      const made = await guest.exec('mke2fs -q -t ext4 /dev/sda && mkdir /m && mount -t ext4 /dev/sda /m')
      expect(made).toMatchObject({ status: 0 })
      await guest.exec(LOAD)
      await guest.run(1)
      await backedUp(guest, image)
      if (heavy) await survivesWithoutThaw(guest)
    } else
      expect(await guest.call('vss.backup', {}).catch(String)).toBe(
        expected.vss === NOT_OFFERED ? 'RangeError: this host has no vss' : 'not-connected',
      )
  })
})
