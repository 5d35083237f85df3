import type { KvpCompletion, KvpItem } from '@vmbus/kvp'
import { describe, expect, it } from 'vitest'
import { ADAPTER, INFO, KERNELS, daemons, ended, type Kernel } from './kvp-vss-fcopy.ts'
import { bootGuest } from './real-guest.ts'

const MODULES = ['hv_vmbus', 'hv_utils', 'hv_netvsc']
const DEVICES = { kvp: {}, netvsc: {} }
const E_FAIL = 0x80004005
const MISSING = 0x80070103
const NO_ADAPTER = 0x80041002

/** What Debian does not have: applies the file that the daemon wrote. */
const SET_IFCONFIG = `#!/bin/sh
. "$1"
ifconfig "$DEVICE" "$IPADDR0" netmask "$NETMASK0" up
`

/** The oldest host with a request for addresses that each kernel speaks to, a middle one and the newest. */
const injectingHosts = ({ release }: Kernel): readonly string[] => [
  release === 'debian-11' ? 'ws2008r2' : 'ws2012',
  'ws2019',
  'ws2025',
]

describe.each(KERNELS)('key-value exchange with $release $flavour', (kernel) => {
  it('keys reach the pool files, and those of the guest the host', { timeout: 300_000 }, async () => {
    await using guest = await bootGuest(kernel, { profile: 'ws2022', devices: DEVICES })
    const ask = (action: string, argument: unknown): Promise<KvpCompletion> => ended(guest, `kvp.${action}`, argument)
    await guest.load(MODULES)
    expect((await guest.result()).userland).toBe('stock')
    await guest.exec('ifconfig eth0 10.0.0.2 up')
    // Nothing is agreed without a daemon: the host keeps it for the guest.
    expect(await ask('set', { key: 'early', value: 'kept' })).toMatchObject({ outcome: 'kept' })
    await daemons(guest, 'kvp')
    expect((await ask('enumerate', { pool: 'external' })).items).toEqual([
      { key: 'early', type: 'string', value: 'kept' },
    ])
    expect(await ask('delete', { key: 'early' })).toMatchObject({ outcome: 'ok' })
    const set: KvpItem[] = [
      { key: 'kürzel', value: 'größe €' },
      { key: 'dword', value: '4294967295', type: 'dword' },
      { key: 'qword', value: '1', type: 'qword' },
      { key: 'expand', value: '%PATH%', type: 'expand-string' },
      { key: 'k'.repeat(255), value: 'v'.repeat(1023) },
    ]
    for (const item of set) expect(await ask('set', item)).toMatchObject({ outcome: 'ok' })
    // What the host told of itself when the daemon made the guest connect (matrix/src/real/kvp.ts).
    expect((await ask('enumerate', { pool: 'auto-external' })).items?.map(({ key, value }) => [key, value])).toEqual([
      ['HostName', 'vmbus-host'],
      ['PhysicalHostName', 'VMBUS-HOST'],
      ['PhysicalHostNameFullyQualified', 'vmbus-host.example'],
      ['VirtualMachineName', 'guest'],
      ['VirtualMachineId', '6D6D7562-7600-4000-8000-000000000001'],
    ])
    expect(await ask('set', { pool: 'auto-external', key: 'HostName', value: 'HV01' })).toMatchObject({ outcome: 'ok' })
    // Linux keeps text: numbers in decimal, and nothing of the types that it does not know.
    // Its answers leave room for one character more than the NUL: 254 and 1022 of what it has in full.
    const kept = ['größe €', '4294967295', '', '', 'v'.repeat(1022)]
    expect((await ask('enumerate', { pool: 'external' })).items).toEqual(
      set.map(({ key }, i) => ({ key: key.slice(0, 254), type: 'string', value: kept[i] })),
    )
    expect((await guest.exec("tail -c 2560 /var/lib/hyperv/.kvp_pool_0 | tr -d '\\000' | wc -c")).output.trim()).toBe(
      String(255 + 1023),
    )
    expect(
      (await guest.exec('cd /var/lib/hyperv; wc -c < .kvp_pool_0; wc -c < .kvp_pool_3; head -c 10 .kvp_pool_3')).output
        .split(/\s+/)
        .slice(0, 3),
    ).toEqual([String(5 * 2560), String(5 * 2560), expect.stringContaining('HostName')])
    // A GET finds the key and brings nothing; a prefix is another key.
    expect(await ask('get', { pool: 'external', key: 'dword' })).toMatchObject({ outcome: 'ok', item: { value: '' } })
    expect(await ask('get', { pool: 'external', key: 'dwor' })).toMatchObject({ outcome: 'failed', status: MISSING })
    expect(await ask('delete', { key: 'qwor' })).toMatchObject({ outcome: 'failed', status: MISSING })
    expect(await ask('delete', { key: 'qword' })).toMatchObject({ outcome: 'ok' })
    expect((await ask('enumerate', { pool: 'external' })).items).toHaveLength(4)

    const auto = Object.fromEntries(
      ((await ask('enumerate', { pool: 'auto' })).items ?? []).map(({ key, value }) => [key, value]),
    )
    const release = (await guest.exec('uname -r')).output.trim()
    expect(Object.keys(auto)).toHaveLength(10)
    expect(auto).toMatchObject({
      OSBuildNumber: release,
      OSVersion: release.split('-')[0],
      ProcessorArchitecture: 'i686',
      IntegrationServicesVersion: '3.1',
      NetworkAddressIPv4: '10.0.0.2',
      // From the adapter's MAC address, 00:15:5d:00:00:01 (RFC 4291, appendix A).
      NetworkAddressIPv6: 'fe80::215:5dff:fe00:1',
    })
    await guest.exec(
      "printf 'state' > /tmp/r; head -c 507 /dev/zero >> /tmp/r; printf 'ready' >> /tmp/r; head -c 2043 /dev/zero >> /tmp/r; cat /tmp/r > /var/lib/hyperv/.kvp_pool_1",
    )
    expect((await ask('enumerate', { pool: 'guest' })).items).toEqual([
      { key: 'state', type: 'string', value: 'ready' },
    ])

    // A record of no UTF-8 ends the enumeration: the kernel cannot turn it into UTF-16.
    await guest.exec("printf '\\377' | dd of=/var/lib/hyperv/.kvp_pool_1 bs=1 seek=512 conv=notrunc")
    expect(await ask('enumerate', { pool: 'guest' })).toMatchObject({ outcome: 'failed', status: E_FAIL, items: [] })

    // A stock guest tells its addresses to whoever names the adapter by its MAC, and takes none.
    expect(await ask('getIp', { adapterId: ADAPTER, family: 'both' })).toMatchObject({
      outcome: 'failed',
      status: E_FAIL,
    })
    const { info } = await ask('getIp', { adapterId: '00:15:5D:00:00:01', family: 'both' })
    expect(info).toMatchObject({
      addresses: expect.arrayContaining(['10.0.0.2']) as string[],
      subnets: expect.arrayContaining(['255.0.0.0']) as string[],
    })
    expect(await ask('setIp', INFO)).toMatchObject({ outcome: 'failed', status: E_FAIL })
    expect(await ask('setIp', { ...INFO, adapterId: '{00000000-0000-0000-0000-000000000001}' })).toMatchObject({
      status: NO_ADAPTER,
    })

    // Without its daemon nothing is read: the host's patience ends, and the request is carried out when the daemon is back.
    await guest.exec('kill $(pidof hv_kvp_daemon); sleep 1')
    expect(await ask('set', { key: 'late', value: '1' })).toMatchObject({ outcome: 'timeout' })
    await daemons(guest, 'kvp')
    expect((await ask('enumerate', { pool: 'external' })).items?.map(({ key }) => key)).toContain('late')
    // A daemon that hangs has 30 seconds.
    await guest.exec('kill -STOP $(pidof hv_kvp_daemon)')
    expect(await ask('set', { key: 'hung', value: '1' })).toMatchObject({ outcome: 'failed', status: E_FAIL })
    await guest.exec('kill -CONT $(pidof hv_kvp_daemon); sleep 1')
    expect(await ask('set', { key: 'after', value: '1' })).toMatchObject({ outcome: 'ok' })
  })

  const injecting = injectingHosts(kernel)
  it.each(injecting)('an address that %s injects is live on eth0, with userland of ours', async (profile) => {
    const files = { '/usr/libexec/hypervkvpd/hv_set_ifconfig': { contents: SET_IFCONFIG } }
    await using guest = await bootGuest(kernel, { profile, devices: DEVICES }, { files })
    await guest.load(MODULES)
    await daemons(guest, 'kvp')
    expect(await ended<KvpCompletion>(guest, 'kvp.setIp', INFO)).toMatchObject({ outcome: 'ok' })
    expect((await guest.exec('ifconfig eth0')).output).toMatch(/addr:10\.0\.0\.77 .*Mask:255\.255\.255\.0/)
    await guest.call('netvsc.ping', { address: '10.0.0.77', count: 3 })
    await guest.run(2)
    expect(await guest.call('netvsc.pings')).toEqual({ sent: 3, answered: 3, corrupt: 0 })
    expect(await guest.result()).toMatchObject({
      userland: 'modified',
      userlandFiles: ['/usr/libexec/hypervkvpd/hv_set_ifconfig'],
    })
  })
})
