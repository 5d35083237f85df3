import { createHash } from 'node:crypto'
import { versionName, type VmbusVersion } from '@vmbus/core'
import { createHost, hostProfile, hostProfiles, type Host } from '@vmbus/host'
import { DEFAULT_FEATURES } from '@vmbus/hypervisor'
import type { HostFactory, HostMachine } from '@vmbus/machine-v86'
import { createTranscript, toJsonLine } from '@vmbus/trace'
import {
  anything,
  checkOptions,
  dictionary,
  flag,
  integer,
  object,
  oneOf,
  optional,
  restoreState,
  stateForm,
  text,
} from '@vmbus/world'
import type { RealHostResult } from './boot-report.ts'
import { closeAll, type RealDevice } from './device.ts'
import { figuresOf } from './figures.ts'
import { CORE_COMPONENTS, realDevices } from './registry.ts'
import { traceFile } from './trace-file.ts'

/** Plain values only: they cross into the machine's worker. */
export interface RealHostOptions {
  /** A profile's id. */
  readonly profile: string
  /** Options by kind; the default is the core components. */
  readonly devices?: Readonly<Record<string, unknown>>
  /**
   * The reference TSC page is valid, and the kernel may tell the time by it. Default false: all that is recorded of real
   * kernels reads the reference time MSR, whose every read is an exit.
   */
  readonly referenceTscPage?: boolean
  /** Bytes of transcript to keep for `call('transcript')`; default none. */
  readonly transcriptBytes?: number
  /** File to write the transcript to, a line of JSON for each entry. */
  readonly traceFile?: string
}

const OPTIONS = object<RealHostOptions>({
  profile: oneOf(...hostProfiles.map(({ id }) => id)),
  devices: optional(dictionary(anything)),
  referenceTscPage: optional(flag),
  transcriptBytes: optional(integer()),
  traceFile: optional(text),
})

const STATE = stateForm<{ host: unknown; devices: Record<string, unknown> }>('matrix-host', 1, {
  host: anything,
  devices: dictionary(anything),
})

/** The Hyper-V host of a real kernel. It runs in the machine's worker, synchronously with the processor. */
export const host: HostFactory = (machine, given) => {
  const options = checkOptions('host', OPTIONS, given)
  const profile = hostProfile(options.profile)
  if (profile === undefined) throw new RangeError(`unknown host profile: ${options.profile}`)
  const digest = createHash('sha256')
  const file = options.traceFile === undefined ? undefined : traceFile(options.traceFile)
  const transcript = createTranscript({
    clock: machine.clock,
    limit: options.transcriptBytes ?? 0,
    stream(entry) {
      const line = `${toJsonLine(entry)}\n`
      digest.update(line)
      file?.write(line)
    },
  })
  const devices = new Map<string, RealDevice>()
  const figures = figuresOf(devices)
  let connected: VmbusVersion | undefined
  const made: Host = createHost(profile, {
    memory: machine.memory,
    clock: machine.clock,
    timers: machine.timers((name) => made.timer(name)),
    seed: machine.seed,
    interrupt: (vp, vector) => machine.interrupt(vp, vector),
    hypercallCode: machine.hypercallCode,
    ...(options.referenceTscPage === true ? { tscOrigin: machine.imposed.tscOrigin } : {}),
    features: {
      hints: DEFAULT_FEATURES.hints | machine.imposed.requiredHints,
      tscFrequency: machine.imposed.tscFrequency,
      apicFrequency: machine.imposed.apicFrequency,
    },
    trace(event) {
      figures.trace(event)
      transcript.sink(event)
    },
    diagnose: machine.diagnose,
    crashed: (report) => machine.emit('crashed', report),
  })
  machine.connect(made.partition)
  made.bus.on((event) => {
    figures.heard(event)
    if (event.kind === 'connected') connected = event.version
    if (event.kind === 'device') machine.emit(`${event.device}:${event.name}`, event.detail)
    else machine.emit(event.kind, event)
  })
  const close = (): void => closeAll([...devices.values(), file ?? {}])
  try {
    offerAll(made, options.devices, machine, devices)
  } catch (error) {
    close()
    throw error
  }
  return {
    call(name, argument) {
      if (name === 'inspect') return made.inspect()
      if (name === 'transcript') return transcript.entries
      if (name === 'memory') {
        const { gpa, length } = argument as { gpa: number; length: number }
        return machine.memory.bytes.slice(gpa, gpa + length)
      }
      const [kind = '', action = ''] = name.split('.')
      if (Object.hasOwn(realDevices, kind) && !devices.has(kind)) throw new RangeError(`this host has no ${kind}`)
      const act = devices.get(kind)?.actions?.[action]
      if (act === undefined) throw new RangeError(`unknown action: ${name}`)
      return act(argument)
    },
    save: () => ({
      ...STATE.head,
      host: made.save(),
      devices: Object.fromEntries([...devices].map(([kind, device]) => [kind, device.save?.()])),
    }),
    restore(state) {
      const saved = restoreState(state, STATE)
      for (const [kind, device] of devices) device.checkState?.(saved.devices[kind])
      made.checkState(saved.host)
      for (const [kind, device] of devices) device.restore?.(saved.devices[kind])
      made.restore(saved.host)
      if (made.bus.version !== 0) connected = made.bus.version
    },
    // A guest that has not connected has changed nothing of bus and devices.
    booted: {
      save: () => (made.bus.version === 0 ? made.partition.save() : undefined),
      restore: (state) => made.partition.restore(state),
    },
    result: (): RealHostResult => ({
      version: connected === undefined ? null : versionName(connected),
      offered: [...devices.keys()],
      counts: transcript.counts,
      transcriptSha256: digest.copy().digest('hex'),
      devices: figures.result(),
      ...(file?.error === undefined ? {} : { traceError: file.error }),
    }),
    close,
    get notDeterministic() {
      return [...devices.values()].find((device) => device.notDeterministic !== undefined)?.notDeterministic
    },
  }
}

function offerAll(
  made: Host,
  wanted: RealHostOptions['devices'] = Object.fromEntries(CORE_COMPONENTS.map((kind) => [kind, {}])),
  machine: HostMachine,
  devices: Map<string, RealDevice>,
): void {
  for (const [kind, deviceOptions] of Object.entries(wanted)) {
    const factory = realDevices[kind]
    if (factory === undefined) throw new RangeError(`unknown device: ${kind}`)
    const device = factory(made, deviceOptions, machine, devices)
    if (device !== undefined) devices.set(kind, device)
  }
}
