import { IMPOSED_FEATURES } from './emulator/features.ts'
import type { Machine, ProcessorTraps } from './emulator/machine-types.ts'
import { MachineError, reasonOf } from './errors.ts'
import type { HostFactory, HostHooks, HostMachine } from './host.ts'
import { sha256 } from './image/cache.ts'

/** The host of one life of a machine: made once, and closed once. */
export interface HostLife {
  readonly hooks: HostHooks | undefined
  /**
   * A digest of what a booting guest finds of its host: the CPUID leaves, and the state that `booted` keeps as it is at
   * power-on. A snapshot of another one is of another code or configuration of the host.
   */
  readonly seen: string
  /** What was measured; after `close`, what was measured until then. */
  result(): unknown
  notDeterministic(): string | undefined
  /** Closes what the host holds (files, sockets), once. Throws what the host's own `close` throws. */
  close(): void
  readonly closed: boolean
}

type Told = Pick<HostMachine, 'emit' | 'diagnose'>

/** Throws what the factory throws; an error without a code of its own becomes VMBUS_MACHINE_HOST. */
export function startHost(machine: Machine, factory: HostFactory | undefined, options: unknown, told: Told): HostLife {
  let traps: ProcessorTraps | undefined
  const hooks = made(factory, options, {
    ...told,
    memory: machine.memory,
    clock: machine.clock,
    seed: machine.seed,
    hypercallCode: machine.hypercallCode,
    imposed: IMPOSED_FEATURES,
    timers: (fire) => machine.timers(fire),
    interrupt: (vp, vector) => machine.interrupt(vp, vector),
    connect(partition) {
      traps = partition
      machine.connect(partition)
    },
  })
  const seen = seenOf(traps, hooks)
  let last: { readonly result: unknown; readonly notDeterministic: string | undefined } | undefined
  return {
    hooks,
    seen,
    result: () => (last === undefined ? hooks?.result?.() : last.result),
    notDeterministic: () => (last === undefined ? hooks?.notDeterministic : last.notDeterministic),
    close() {
      if (last !== undefined) return
      try {
        last = { result: hooks?.result?.(), notDeterministic: hooks?.notDeterministic }
      } finally {
        last ??= { result: undefined, notDeterministic: undefined }
        hooks?.close?.()
      }
    },
    get closed() {
      return last !== undefined
    },
  }
}

function made(factory: HostFactory | undefined, options: unknown, machine: HostMachine): HostHooks | undefined {
  try {
    return factory?.(machine, options)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause) throw cause
    throw new MachineError('VMBUS_MACHINE_HOST', `the host cannot be made: ${reasonOf(cause)}`, {}, cause)
  }
}

/** TLFS "Hypervisor CPUID Leaf Range": 0x40000000 … 0x4000000A. */
const FIRST_LEAF = 0x4000_0000
const LAST_LEAF = 0x4000_000a

function seenOf(traps: ProcessorTraps | undefined, hooks: HostHooks | undefined): string {
  const leaves: number[] = []
  const out = { eax: 0, ebx: 0, ecx: 0, edx: 0 }
  for (let leaf = FIRST_LEAF; traps !== undefined && leaf <= LAST_LEAF; leaf++)
    if (traps.cpuid(0, leaf, 0, out)) leaves.push(leaf, out.eax >>> 0, out.ebx >>> 0, out.ecx >>> 0, out.edx >>> 0)
  return sha256(leaves.join(' '), canonical(hooks?.booted?.save()))
}

/** Equal for equal values: unlike v8.serialize, which tells a small integer from the same number as a double. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) => {
      if (part instanceof Uint8Array) return Buffer.from(part).toString('hex')
      return typeof part === 'bigint' ? `${part}n` : part
    }) ?? ''
  )
}
