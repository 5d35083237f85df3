import { boot, guestThreads, prepareImage, type Guest, type PreparedImage } from '@vmbus/machine-v86'
import { expect } from 'vitest'
import type { DiskHostOptions } from './guest-host.ts'

const modules = ['hv_vmbus', 'hv_storvsc', 'sd_mod', 'ext4']
// Debian 11's busybox has no direct I/O in its dd.
const packages = ['e2fsprogs', 'util-linux', 'fdisk', 'coreutils']
export const releases = ['debian-11', 'debian-12'] as const
export type Release = (typeof releases)[number]

export const imageOf = (release: Release): Promise<PreparedImage> =>
  prepareImage({ release, flavour: '686' }, { modules, packages })

const THREADS = guestThreads()

export const bootWith = (
  image: PreparedImage,
  host: DiskHostOptions,
  { jit }: { readonly jit: boolean } = { jit: true },
): Promise<Guest> =>
  boot({
    image,
    jit,
    threads: THREADS,
    host: { module: new URL('./guest-host.ts', import.meta.url), options: host, snapshotKey: host.profile },
  })

/** Output of a script that has to succeed. */
export async function sh(guest: Guest, script: string, seconds = 600): Promise<string> {
  const { status, output } = await guest.exec(`set -e\n${script}`, { seconds })
  expect([status, status === 0 ? '' : output]).toEqual([0, ''])
  return output.trim()
}
