import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  rmdirSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDisk, openDisk } from '@vmbus/disk/file'
import type { BackupResult } from '@vmbus/vss'
import { afterAll, describe, expect, it } from 'vitest'
import { KERNELS, daemons, ended, result } from './kvp-vss-fcopy.ts'
import { bootGuest } from './real-guest.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmbus-vss-'))
afterAll(() => rmSync(folder, { recursive: true }))

const MODULES = ['hv_vmbus', 'hv_utils', 'hv_storvsc', 'sd_mod', 'ext4']
const SIZE = 16 << 20

/** Small files and the one that they all go into, without a pause that a snapshot could fall into; counts its rounds. */
const LOAD = `(i=0; while true; do i=$((i+1)); echo $i > /m/f$((i % 40)); cat /m/f* > /m/all; mv /m/all /m/done; echo $i > /tmp/rounds; sleep 0.1; done) >/dev/null 2>&1 &`

/** Three files that grow, each piece synced; the number of pieces that are certain to be there is told. */
const GROW = `(i=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); for f in a b c; do echo piece $i of $f >> /m/$f; done; sync; echo $i > /tmp/pieces; sleep 0.05; done) >/dev/null 2>&1 &`

/** Reads an image as it is now, beside whoever else reads it, into a raw file. */
function rawCopyOf(image: string, copy: string): string {
  const disk = openDisk(image, { readOnly: true })
  const bytes = new Uint8Array(disk.sectors * disk.sectorSize)
  expect(disk.read(0, [bytes])).toBe('ok')
  disk.close()
  writeFileSync(copy, bytes)
  return copy
}

describe.each(KERNELS)('live backup of $release $flavour', (kernel) => {
  it('is consistent under a running load, and a host that never thaws is survived', { timeout: 600_000 }, async () => {
    const image = join(folder, `${kernel.release}.img`)
    writeFileSync(image, '')
    truncateSync(image, SIZE)
    const devices = {
      vss: { hold: true, limits: { snapshot: 1000 } },
      storvsc: { disks: [] },
      heartbeat: {},
    }
    await using guest = await bootGuest(kernel, { profile: 'ws2022', devices })
    expect(await guest.call('storvsc.add', { file: image })).toBe(0)
    await guest.load(MODULES)
    await guest.exec('mke2fs -q -t ext4 /dev/sda && mkdir /m && mount -t ext4 /dev/sda /m')
    await daemons(guest, 'vss')
    await guest.exec(LOAD)
    await guest.run(1)
    const rounds = async (): Promise<number> => Number((await guest.exec('cat /tmp/rounds')).output)

    /** Copies the disk as it is now, and lets the guest's own e2fsck look at the copy. */
    const check = async (name: string, lun: number): Promise<{ status: number; output: string }> => {
      const snapshot = join(folder, `${kernel.release}-${name}.img`)
      copyFileSync(image, snapshot)
      await guest.call('storvsc.add', { file: snapshot })
      await guest.run(1)
      return guest.exec(`e2fsck -fn /dev/sd${'abc'[lun]}`)
    }
    // The control: without a freeze the journal is in use.
    expect((await check('running', 1)).output).toContain('skipping journal recovery')

    const first = (await guest.call('vss.backup', {})) as number
    await guest.until('event:vss:frozen', { seconds: 100 })
    const frozenAt = await rounds()
    const { status, output } = await check('frozen', 2)
    expect({ status, output }).toEqual({ status: 0, output: expect.not.stringMatching(/journal|wrong|Fix/) as string })
    expect(await rounds()).toBe(frozenAt)
    await guest.call('vss.snapshotDone', true)
    expect(await result<BackupResult>(guest, 'vss', first)).toMatchObject({
      outcome: 'ok',
      consistent: true,
      status: 0,
    })
    await guest.run(2)
    expect(await rounds()).toBeGreaterThan(frozenAt)

    // Linux waits for its host's thaw for ever, and lives on beside the disk that stands still.
    const second = (await guest.call('vss.backup', {})) as number
    await guest.until('event:vss:frozen', { seconds: 100 })
    const stoppedAt = await rounds()
    await guest.run(15)
    expect(await rounds()).toBe(stoppedAt)
    expect((await guest.exec('echo alive > /tmp/alive; cat /tmp/alive')).output.trim()).toBe('alive')
    // The service is withdrawn: the daemon's next call fails, and with it the disk is thawed.
    await guest.call('vss.rescind')
    expect(await result<BackupResult>(guest, 'vss', second)).toMatchObject({ outcome: 'closed', consistent: false })
    await guest.run(3)
    expect(await rounds()).toBeGreaterThan(stoppedAt)
    const { devices: measured } = (await guest.result()).host as {
      devices: { heartbeat: { status: string; lost: number } }
    }
    expect(measured.heartbeat).toMatchObject({ status: 'ok-applications-unknown', lost: 0 })
  })

  it('leaves a VHDX as it stood, goes on in a differencing one, and merges them', { timeout: 600_000 }, async () => {
    const image = join(folder, `${kernel.release}.vhdx`)
    const child = join(folder, `${kernel.release}.avhdx`)
    createDisk({ path: image, format: 'vhdx', size: 2 * SIZE }).close()
    await using guest = await bootGuest(kernel, { profile: 'ws2022', devices: { vss: {}, storvsc: { disks: [] } } })
    expect(await guest.call('storvsc.add', { file: image })).toBe(0)
    await guest.load(MODULES)
    await guest.exec('mke2fs -q -t ext4 /dev/sda && mkdir /m /old && mount -t ext4 /dev/sda /m')
    await daemons(guest, 'vss')
    await guest.exec(GROW)
    await guest.run(2)
    const pieces = async (): Promise<number> => Number((await guest.exec('cat /tmp/pieces')).output)
    const lines = async (where: string): Promise<number[]> =>
      (await guest.exec(`for f in a b c; do grep -c piece ${where}/$f; done`)).output.trim().split('\n').map(Number)
    /** What the guest's own e2fsck says of a disk that is not mounted. */
    const fsck = async (device: string): Promise<unknown> => {
      const { status, output } = await guest.exec(`e2fsck -fn ${device}`)
      return { status, output: /journal|wrong|Fix|error/i.exec(output)?.[0] ?? 'clean' }
    }
    const clean = { status: 0, output: 'clean' }

    // What bears the name of the differencing image is not the host's: nothing is kept, and the guest is thawed.
    mkdirSync(child)
    expect(await ended<BackupResult>(guest, 'vss.backup', {})).toMatchObject({ outcome: 'failed', stage: 'snapshot' })
    expect(await guest.call('storvsc.checkpoints')).toEqual([])
    rmdirSync(child)
    const before = await pieces()
    await guest.run(1)
    expect(await pieces()).toBeGreaterThan(before)

    const written = await pieces()
    expect(await ended<BackupResult>(guest, 'vss.backup', {})).toEqual({
      id: 2,
      outcome: 'ok',
      stage: 'complete',
      status: 0,
      consistent: true,
    })
    expect(await guest.call('storvsc.checkpoints')).toEqual([{ lun: 0, file: image, child }])
    const thawed = await pieces()
    await guest.exec('echo later > /m/after; sync')
    await guest.run(2)

    // Read while the guest writes on: clean without a journal to replay, with all that was synced and nothing later.
    await guest.call('storvsc.add', { file: rawCopyOf(image, join(folder, `${kernel.release}-vhdx.img`)) })
    await guest.run(1)
    expect(await fsck('/dev/sdb')).toEqual(clean)
    await guest.exec('mount -t ext4 -o ro,noload /dev/sdb /old')
    const frozen = await lines('/old')
    for (const count of frozen) {
      expect(count).toBeGreaterThanOrEqual(written)
      expect(count).toBeLessThanOrEqual(thawed + 1)
    }
    expect((await guest.exec('cat /old/after; cat /m/after')).output.trim().split('\n').at(-1)).toBe('later')
    expect((await guest.exec('ls /old/after')).status).not.toBe(0)
    for (const count of await lines('/m')) expect(count).toBeGreaterThan(Math.max(...frozen))
    const same = 'for f in a b c; do head -n $(grep -c piece /old/$f) /m/$f | cmp - /old/$f || exit 1; done'
    expect((await guest.exec(same)).status).toBe(0)
    await guest.exec('umount /old')

    // One image again, under the same load.
    let steps = 0
    const atMerge = await pieces()
    while ((await guest.call('storvsc.merge', 32_768)) !== true) {
      steps++
      await guest.run(0.1)
    }
    // The guest ran between the pieces.
    expect(steps).toBeGreaterThan(0)
    await guest.run(1)
    expect(await pieces()).toBeGreaterThan(atMerge)
    expect([existsSync(child), await guest.call('storvsc.checkpoints')]).toEqual([false, []])
    await guest.exec('touch /tmp/stop; sleep 2; sync')
    const last = await lines('/m')
    expect((await guest.exec('umount /m')).status).toBe(0)
    expect(await fsck('/dev/sda')).toEqual(clean)
    await guest.exec('echo 3 > /proc/sys/vm/drop_caches; mount -t ext4 -o ro /dev/sda /old')
    expect(await lines('/old')).toEqual(last)
  })
})
