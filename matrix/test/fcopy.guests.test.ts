import { createHash } from 'node:crypto'
import type { CopyResult } from '@vmbus/fcopy'
import { describe, expect, it } from 'vitest'
import { KERNELS, daemons, ended, result, sha256 } from './kvp-vss-fcopy.ts'
import { bootGuest } from './real-guest.ts'

const E_FAIL = 0x80004005
const EXISTS = 0x80070050
const SIZE = 32 << 20

const big = Uint8Array.from({ length: SIZE }, (_, i) => Math.imul(i, 0x9e37_79b1) >>> 19)

describe.each(KERNELS)('file copy into $release $flavour', (kernel) => {
  it('brings 32 MiB and names of all kinds, with progress', { timeout: 600_000 }, async () => {
    // Compiled: so much takes an interpreter two and a half times as long.
    await using guest = await bootGuest(
      kernel,
      { profile: 'ws2022', devices: { fcopy: {} } },
      { memoryMB: 320, jit: true },
    )
    await guest.load(['hv_vmbus', 'hv_utils'])
    await daemons(guest, 'fcopy')
    await guest.call('fcopy.file', { source: 'big', bytes: big })
    const copy = (request: object): Promise<CopyResult> =>
      ended(guest, 'fcopy.copy', { source: 'big', size: 10_000, path: '/tmp', ...request }, 1000)
    expect(await copy({ size: SIZE, path: '/tmp/new/deep/', name: 'big', createPath: true })).toMatchObject({
      outcome: 'ok',
      sent: SIZE,
    })
    expect(await sha256(guest, '/tmp/new/deep/big')).toBe(createHash('sha256').update(big).digest('hex'))
    const progress = guest.events
      .filter(({ name }) => name === 'fcopy:progress')
      .map(({ detail }) => (detail as { sent: number }).sent)
    expect(progress.length).toBeGreaterThan(30)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))

    const digest = createHash('sha256').update(big.subarray(0, 10_000)).digest('hex')
    for (const name of ['x', 'n'.repeat(255), 'größe €.txt', '𝔘𝔫𝔦']) {
      expect(await copy({ name })).toMatchObject({ outcome: 'ok' })
      expect(await sha256(guest, `/tmp/${name}`)).toBe(digest)
    }
    expect(await copy({ size: 0, name: 'empty' })).toMatchObject({ outcome: 'ok' })
    expect((await guest.exec('wc -c < /tmp/empty')).output.trim()).toBe('0')

    expect(await copy({ name: 'x' })).toMatchObject({ outcome: 'failed', status: EXISTS })
    expect(await sha256(guest, '/tmp/x')).toBe(digest)
    expect(await copy({ name: 'x', overwrite: true, size: 3 })).toMatchObject({ outcome: 'ok' })
    expect((await guest.exec('wc -c < /tmp/x')).output.trim()).toBe('3')
    // The daemon makes only folders that a slash follows; a name of 256 bytes is no file's.
    expect(await copy({ path: '/tmp/a/b', name: 'f', createPath: true })).toMatchObject({
      outcome: 'failed',
      status: E_FAIL,
    })
    expect(await copy({ path: '/nowhere/', name: 'f' })).toMatchObject({ outcome: 'failed', status: E_FAIL })
    expect(await copy({ name: 'n'.repeat(256) })).toMatchObject({ outcome: 'failed', status: E_FAIL })
    // It looks at no path: one that leads out of its folder is followed.
    expect(await copy({ path: '/tmp/new/..', name: 'out' })).toMatchObject({ outcome: 'ok' })
    expect(await sha256(guest, '/tmp/out')).toBe(digest)

    const id = (await guest.call('fcopy.copy', {
      source: 'big',
      size: SIZE,
      path: '/tmp',
      name: 'cancelled',
    })) as number
    await guest.until('event:fcopy:progress', { seconds: 100 })
    expect(await guest.call('fcopy.cancel')).toBe(true)
    expect(await result<CopyResult>(guest, 'fcopy', id)).toMatchObject({ outcome: 'cancelled' })
    await guest.run(1)
    expect((await guest.exec('ls /tmp/cancelled')).status).not.toBe(0)
    expect(await copy({ name: 'after' })).toMatchObject({ outcome: 'ok' })
  })
})
