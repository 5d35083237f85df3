import {
  timerQueue,
  virtualClock,
  type Diagnostic,
  type TimerQueue,
  type TraceEvent,
  type VirtualClock,
} from '@vmbus/world'
import {
  createPartition,
  guestMemory,
  type CrashReport,
  type GuestMemory,
  type Partition,
  type PartitionOptions,
} from '../src/index.ts'

/** A partition with everything that it calls recorded. */
export interface Fixture {
  readonly partition: Partition
  readonly memory: GuestMemory
  readonly clock: VirtualClock
  readonly queue: TimerQueue
  /** [vp, vector, autoEoi] of each interrupt. */
  readonly interrupts: [number, number, boolean][]
  readonly diagnostics: Diagnostic[]
  readonly trace: TraceEvent[]
  readonly crashes: CrashReport[]
  read(msr: number, vp?: number): bigint | '#GP'
  write(msr: number, value: bigint, vp?: number): boolean
  /** Moves time to `at`, firing timers on the way, each at its own time. */
  runTo(at: number): void
}

export function fixture(options: Partial<PartitionOptions> & { ram?: number; quiet?: boolean } = {}): Fixture {
  const memory = options.memory ?? guestMemory(options.ram ?? 64 * 4096)
  const clock = virtualClock()
  const interrupts: [number, number, boolean][] = []
  const diagnostics: Diagnostic[] = []
  const trace: TraceEvent[] = []
  const crashes: CrashReport[] = []
  const queue: TimerQueue = timerQueue((name) => partition.timer(name))
  const partition: Partition = createPartition({
    vps: 1,
    interrupt: (vp, vector, autoEoi) => interrupts.push([vp, vector, autoEoi]),
    ...(options.quiet === true ? {} : { diagnose: (d) => diagnostics.push(d), trace: (event) => trace.push(event) }),
    crashed: (report) => crashes.push(report),
    ...options,
    memory,
    clock,
    timers: queue,
  })
  const out = new Uint32Array(2)
  return {
    partition,
    memory,
    clock,
    queue,
    interrupts,
    diagnostics,
    trace,
    crashes,
    read: (msr, vp = 0) => (partition.rdmsr(vp, msr, out) ? (BigInt(out[1] ?? 0) << 32n) | BigInt(out[0] ?? 0) : '#GP'),
    write: (msr, value, vp = 0) => partition.wrmsr(vp, msr, Number(value & 0xffff_ffffn), Number(value >> 32n)),
    runTo(at) {
      while (queue.next() <= at) {
        const next = queue.next()
        if (next > clock.now()) clock.advanceTo(next)
        queue.run(next)
      }
      clock.advanceTo(at)
    },
  }
}

/** Pages that tests use: GPA of the message page and of the event flags page of VP n. */
export const simpOf = (vp = 0): number => 0x10000 + vp * 0x2000
export const siefpOf = (vp = 0): number => simpOf(vp) + 0x1000

/** What Linux does on each processor (drivers/hv/hv.c, hv_synic_enable_regs), by numbers typed from wire/01 §2. */
export function bringUp(r: Fixture, vp = 0, vector = 0xf3n, sint = 2): void {
  r.write(0x4000_0083, BigInt(simpOf(vp)) | 1n, vp)
  r.write(0x4000_0082, BigInt(siefpOf(vp)) | 1n, vp)
  r.write(0x4000_0090 + sint, vector, vp)
  r.write(0x4000_0080, 1n, vp)
}

/** Guest id as Linux 6.1 writes it, then the hypercall page at 0x5000. */
export function identify(r: Fixture): void {
  r.write(0x4000_0000, 0x8100_0006_01c0_0000n)
  r.write(0x4000_0001, 0x5001n)
}
