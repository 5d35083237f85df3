import { openDisk } from '@vmbus/disk/file'
import { createHost, hostProfile, type Host } from '@vmbus/host'
import { DEFAULT_FEATURES } from '@vmbus/hypervisor'
import type { HostFactory } from '@vmbus/machine-v86'
import { storvsc, type StorvscHost } from '@vmbus/storvsc'
import { queued, type BlockDevice } from '@vmbus/disk'
import { VSTOR_VERSIONS } from '@vmbus/storvsc/protocol'
import { TICKS_PER_MS } from '@vmbus/world'

export interface DiskHostOptions {
  readonly profile: string
  /** Image files, in order of their LUNs; they exist. */
  readonly images: readonly string[]
  /** For the profiles that are older than storage of any version that the kernel speaks: what to speak instead. */
  readonly versions?: readonly number[]
  /** Milliseconds that each image takes to answer; without it they answer at once. */
  readonly delay?: number
}

/** A Windows Server of a profile with one SCSI controller over image files, for a machine's worker. */
export const host: HostFactory = (machine, options) => {
  const { profile: name, images, versions, delay } = options as DiskHostOptions
  const profile = hostProfile(name)
  if (profile === undefined) throw new RangeError(`no host profile ${name}`)
  const disks: BlockDevice[] = images.map((path) => openDisk(path))
  const timers = machine.timers((timer) => windows.timer(timer))
  const windows: Host = createHost(profile, {
    memory: machine.memory,
    clock: machine.clock,
    timers,
    seed: machine.seed,
    interrupt: (vp, vector) => machine.interrupt(vp, vector),
    hypercallCode: machine.hypercallCode,
    features: {
      hints: (DEFAULT_FEATURES.hints | machine.imposed.requiredHints) >>> 0,
      tscFrequency: machine.imposed.tscFrequency,
      apicFrequency: machine.imposed.apicFrequency,
    },
    diagnose: machine.diagnose,
  })
  const { bus, partition } = windows
  bus.on((event) => machine.emit(event.kind, event.kind === 'device' ? { name: event.name } : undefined))
  const ticks = (delay ?? 0) * TICKS_PER_MS
  /** A queue for each life of the controller: what one leaves in it is not the next one's. */
  const spec = () =>
    storvsc({
      luns: disks.map((disk, lun) =>
        delay === undefined
          ? disk
          : queued(disk, { seed: machine.seed, name: `lun${lun}`, minDelay: ticks, maxDelay: ticks }),
      ),
    })
  const settings = versions === undefined ? undefined : { versions }
  let controller = windows.offer(spec(), settings)
  const device = (): StorvscHost => {
    if (controller === undefined) throw new RangeError(`${name} has no storage`)
    return controller.device
  }
  machine.connect(partition)
  const calls: Record<string, (argument: unknown) => unknown> = {
    inspect: () => device().inspect(),
    flush: () => disks.map((disk) => disk.flush()),
    add(path) {
      const disk = openDisk(path as string)
      disks.push(disk)
      return device().addLun(disk).lun
    },
    /** Hot remove of the controller: how many requests waited for their disks. */
    rescind() {
      const { inFlight } = device()
      controller?.rescind()
      return inFlight
    },
    offer() {
      controller = windows.offer(spec(), settings)
    },
    remove: (lun) => device().removeLun({ lun: lun as number }),
    resize(argument) {
      const { lun, sectors } = argument as { lun: number; sectors: number }
      disks[lun]?.resize(sectors)
    },
    /** Writes on the host's side of the disk, as an owner who knows what he does would. */
    write(argument) {
      const { lun, sector, data } = argument as { lun: number; sector: number; data: Uint8Array }
      return disks[lun]?.write(sector, [data])
    },
  }
  return {
    call(method, argument) {
      const call = calls[method]
      if (call === undefined) throw new RangeError(`no such call: ${method}`)
      return call(argument)
    },
    // A guest that has not connected has changed nothing of bus and devices.
    booted: {
      save: () => (bus.version === 0 ? partition.save() : undefined),
      restore: (state) => partition.restore(state),
    },
    save: () => windows.save(),
    restore: (state) => windows.restore(state),
    close: () => disks.forEach((disk) => disk.close()),
    result: () => ({ profile: name, storage: controller?.device.version ?? 0, known: VSTOR_VERSIONS }),
    notDeterministic: 'image files of the host',
  }
}
