import { boot, guestThreads, type BootOptions, type Guest, type ImageSource } from '@vmbus/machine-v86'
import { fileTimeOf } from '@vmbus/world'
import { HOST_MODULE } from './real-host-module.ts'

export type Kernel = Extract<ImageSource, { release: string }>

/** 2030-05-06T07:08:09Z: no clock is there by accident. */
export const EPOCH_MS = Date.UTC(2030, 4, 6, 7, 8, 9)
export const MEMORY_MB = 128

/**
 * One image for every test, which loads of it what it needs: a kernel is booted once on each host for all of them. That is 15 s
 * of CPU, more than most tests take from there on.
 */
const MACHINE = {
  modules: ['hv_vmbus', 'hv_utils', 'hv_netvsc', '8021q', 'hv_storvsc', 'sd_mod', 'ext4', 'hv_balloon'],
  packages: ['hyperv-daemons', 'e2fsprogs'],
  epoch: fileTimeOf(EPOCH_MS),
  memoryMB: MEMORY_MB,
  loadModules: false,
} satisfies Partial<BootOptions>

/** Guests one after another need their host's modules once. */
const THREADS = guestThreads()

export interface RealHost {
  readonly profile: string
  readonly devices?: Readonly<Record<string, unknown>>
  readonly transcriptBytes?: number
}

/** A guest at its command agent, whose drivers are not loaded. */
export const bootGuest = (image: Kernel, host: RealHost, more: Partial<BootOptions> = {}): Promise<Guest> =>
  boot({
    ...MACHINE,
    threads: THREADS,
    image,
    host: { module: HOST_MODULE, options: host, snapshotKey: host.profile },
    ...more,
  })
