import { createHash } from 'node:crypto'
import { DEFAULT_FEATURES } from '@vmbus/hypervisor'
import { createHost, hostProfile, type Host } from '@vmbus/host'
import { heartbeat } from '@vmbus/heartbeat'
import { shutdown, type ShutdownRequest } from '@vmbus/shutdown'
import { timesync } from '@vmbus/timesync'
import type { TraceEvent } from '@vmbus/world'
import type { HostFactory } from '../../src/index.ts'

/** Counts and digests everything that crosses the boundary, in order: the run's transcript as one hash. */
function transcript(): {
  readonly sink: (event: TraceEvent) => void
  result(): { sha256: string; counts: Record<string, number> }
} {
  const hash = createHash('sha256')
  const counts: Record<string, number> = {}
  return {
    sink(event) {
      counts[event.kind] = (counts[event.kind] ?? 0) + 1
      hash.update(
        JSON.stringify(event, (_key, value: unknown) =>
          value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
        ),
      )
    },
    result: () => ({ sha256: hash.copy().digest('hex'), counts }),
  }
}

export interface WindowsHostOptions {
  readonly profile: string
  /** The version that its states are of; another one is refused, as by any restore. Default 1. */
  readonly stateVersion?: number
}

/** A Windows Server of a profile with the three simplest components, for a machine's worker. */
export const host: HostFactory = (machine, options) => {
  const { profile: name, stateVersion = 1 } = options as WindowsHostOptions
  const profile = hostProfile(name)
  if (profile === undefined) throw new RangeError(`no host profile ${name}`)
  const { sink, result } = transcript()
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
    trace: sink,
    diagnose: machine.diagnose,
    crashed: (report) => machine.emit('crashed', { message: report.message ?? '' }),
  })
  const { bus, partition } = windows
  bus.on((event) =>
    machine.emit(
      event.kind,
      event.kind === 'connected' || event.kind === 'refused' ? { version: event.version.toString(16) } : event,
    ),
  )
  windows.offer(heartbeat({}))
  windows.offer(timesync({}))
  const power = windows.offer(shutdown({}))
  machine.connect(partition)
  return {
    call(method, argument) {
      if (method === 'shutdown') return power?.device.request(argument as ShutdownRequest)
      if (method === 'inspect') return windows?.inspect()
      throw new RangeError(`no such call: ${method}`)
    },
    save: () => windows?.save(),
    restore: (state) => windows?.restore(state),
    booted: {
      save: () => (bus.version === 0 ? { version: stateVersion, partition: partition.save() } : undefined),
      restore(state) {
        const saved = state as { readonly version: number; readonly partition: unknown }
        if (saved.version !== stateVersion) throw new RangeError(`state of version ${saved.version}`)
        partition.restore(saved.partition)
      },
    },
    result: () => ({ profile: name, version: bus.version.toString(16), transcript: result() }),
  }
}
