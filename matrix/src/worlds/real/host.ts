import { createHost, profileOf, type Host, type HostProfile } from '@vmbus/host'
import type { HostDeviceHandle, HostDeviceSpec } from '@vmbus/core'
import { DEFAULT_FEATURES } from '@vmbus/hypervisor'
import type { HostHooks, HostMachine, ProcessorTraps } from '@vmbus/machine-v86'
import type { Transcript } from '@vmbus/trace'
import { anything, restoreState, stateForm } from '@vmbus/world'
import type { OurEnd, Ends } from '../../probes/ends.ts'
import type { ProbeMachine } from '../../probes/probe.ts'
import type { Medium } from '../../probes/stage.ts'
import { endSpecs, type EndSpecs } from '../devices.ts'
import { lanOf, type HostLan } from '../lan.ts'
import { lazy } from '../lazy.ts'

/** What outlives a move to another host. */
export interface Storage {
  medium(end: 'storvsc' | 'fc'): Medium
  readonly provided: Map<string, Uint8Array>
  readonly answers: Map<string, unknown>
  readonly heard: Map<string, number>
  /** Instances whose first channel the guest has open. */
  readonly opened: Set<string>
  readonly transcript: Transcript
}

export interface RealHostOptions {
  readonly profile: HostProfile
  readonly ends: readonly OurEnd[]
  readonly seed: number
  readonly storage: Storage
  /** How long an interrupt is under way beside what the machine does, 100 ns units. */
  readonly interruptDelay?: ProbeMachine['interruptDelay'] | undefined
  /** A backup asks for its snapshot; `snapshotDone` of the host end says how it went. */
  snapshotWanted(): void
}

/** The host of a real kernel: the same ends over the same backends as a simulated guest has. */
export interface RealHost {
  readonly host: Host
  readonly specs: EndSpecs
  lan(): HostLan
  device<E extends OurEnd>(end: E): Ends[E] | undefined
  readonly hooks: HostHooks
  /** Reference times that the guest has read since it was last asked, while `isWatched` was set. */
  readonly timeReads: number[]
  isWatched: boolean
}

/** HV_X64_MSR_TIME_REF_COUNT (TLFS, "Partition Reference Counter MSR"). */
const TIME_REF_COUNT = 0x4000_0020

const STATE = stateForm<{ host: unknown; lan: unknown; peer: unknown }>('matrix-real-host', 1, {
  host: anything,
  lan: anything,
  peer: anything,
})

export function realHost(options: RealHostOptions, machine: HostMachine): RealHost {
  const { profile, ends, seed, storage } = options
  const { clock } = machine
  // One name for all, so that a guest can go from one to another.
  const host: Host = createHost(profileOf('real', profile.name, profile.fields), {
    memory: machine.memory,
    clock,
    timers: machine.timers((name) => host.timer(name)),
    seed: machine.seed,
    interrupt: interruptsOf(options, machine),
    hypercallCode: machine.hypercallCode,
    features: {
      hints: DEFAULT_FEATURES.hints | machine.imposed.requiredHints,
      tscFrequency: machine.imposed.tscFrequency,
      apicFrequency: machine.imposed.apicFrequency,
    },
    trace: storage.transcript.sink,
    diagnose: machine.diagnose,
  })
  const lan = lazy(() => lanOf({ clock, timers: (fired) => machine.timers(fired) }, seed))
  const specs = endSpecs({
    lan,
    medium: storage.medium,
    provided: storage.provided,
    snapshot() {
      options.snapshotWanted()
      return 'later'
    },
  })
  const offered = <E extends OurEnd>(end: E): HostDeviceHandle | undefined => {
    const spec: HostDeviceSpec<unknown, Ends[E]> = specs[end]()
    return host.offer(spec)
  }
  const handles = new Map(ends.map((end) => [end, offered(end)]))
  listen(host, storage)
  const hasLan = ends.includes('netvsc')
  const made: RealHost = {
    host,
    specs,
    lan,
    // Each handle is of the device that the spec of its end makes.
    device: <E extends OurEnd>(end: E) => handles.get(end)?.device as Ends[E] | undefined,
    timeReads: [],
    isWatched: false,
    hooks: {
      save: () => ({
        ...STATE.head,
        host: host.save(),
        lan: hasLan ? lan().switch.save() : null,
        peer: hasLan ? lan().peer.save() : null,
      }),
      restore(state) {
        const saved = restoreState(state, STATE)
        if (hasLan) {
          lan().switch.restore(saved.lan)
          lan().peer.restore(saved.peer, () => ({}))
        }
        host.restore(saved.host)
      },
      booted: {
        save: () => (host.bus.version === 0 ? host.partition.save() : undefined),
        restore: (state) => host.partition.restore(state),
      },
    },
  }
  machine.connect(watched(host.partition, made))
  return made
}

/** Interrupts as the machine raises them, or so much later. */
function interruptsOf({ interruptDelay }: RealHostOptions, machine: HostMachine): (vp: number, vector: number) => void {
  if (interruptDelay === undefined) return (vp, vector) => machine.interrupt(vp, vector)
  const { min, max } = interruptDelay
  const late = machine.timers((name) => machine.interrupt(0, Number.parseInt(name, 10)))
  let count = 0
  return (_, vector) => {
    const delay = min + machine.seed.below(max - min + 1, 'interrupt', ++count)
    late.set(`${vector} ${count}`, machine.clock.now() + delay)
  }
}

/** Reads of the reference time are noted while somebody asks for them. */
const watched = (partition: ProcessorTraps, made: RealHost): ProcessorTraps => ({
  cpuid: (...args) => partition.cpuid(...args),
  wrmsr: (...args) => partition.wrmsr(...args),
  hypercall: (...args) => partition.hypercall(...args),
  rdmsr(vp, msr, out) {
    const isKnown = partition.rdmsr(vp, msr, out)
    if (made.isWatched && msr === TIME_REF_COUNT) made.timeReads.push((out[1] ?? 0) * 2 ** 32 + (out[0] ?? 0))
    return isKnown
  },
})

function listen({ bus }: Host, { answers, heard, opened }: Storage): void {
  bus.on((event) => {
    if ((event.kind === 'opened' || event.kind === 'closed') && event.subchannelIndex === 0)
      opened[event.kind === 'opened' ? 'add' : 'delete'](event.instanceId)
    if (event.kind !== 'device') return
    const name = `${event.device}:${event.name}`
    const { detail } = event
    heard.set(name, (heard.get(name) ?? 0) + 1)
    if (typeof detail === 'object' && detail !== null && 'id' in detail)
      answers.set(`${name} ${String(detail.id)}`, detail)
  })
}
