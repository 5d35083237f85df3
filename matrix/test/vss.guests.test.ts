import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BackupResult } from '@vmbus/vss'
import { afterAll, describe, expect, it } from 'vitest'
import { KERNELS, daemons, result, started } from './kvp-vss-fcopy.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmbus-vss-'))
afterAll(() => rmSync(folder, { recursive: true }))

const MODULES = ['hv_vmbus', 'hv_utils', 'hv_storvsc', 'sd_mod', 'ext4']
const SIZE = 16 << 20

/** Small files and the one that they all go into, without a pause that a snapshot could fall into; counts its rounds. */
const LOAD = `(i=0; while true; do i=$((i+1)); echo $i > /m/f$((i % 40)); cat /m/f* > /m/all; mv /m/all /m/done; echo $i > /tmp/rounds; sleep 0.1; done) >/dev/null 2>&1 &`

describe.each(KERNELS)('live backup of $release $flavour', (kernel) => {
  it('is consistent under a running load, and a host that never thaws is survived', { timeout: 600_000 }, async () => {
    const image = join(folder, `${kernel.release}.img`)
    writeFileSync(image, '')
    truncateSync(image, SIZE)
    const devices = {
      vss: { hold: true, limits: { snapshot: 1000 } },
      storvsc: { disks: [{ file: image }] },
      heartbeat: {},
    }
    await using guest = await started(kernel, 'ws2022', devices, {
      modules: MODULES,
      packages: ['hyperv-daemons', 'e2fsprogs'],
      // An image file has one writer, and a snapshot is taken in a machine of its own.
      snapshots: false,
    })
    await guest.load(guest.image.modules)
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
    expect(measured.heartbeat).toMatchObject({ status: 'ok', lost: 0 })
  })
})
