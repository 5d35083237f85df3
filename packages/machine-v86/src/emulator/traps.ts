import type { CpuidResult } from '@vmbus/hypervisor'
import type { CpuViews } from './cpu-views.ts'
import type { ProcessorTraps } from './machine-types.ts'
import { HOOK_BASE, HOOK_FAULT, HookKind } from './wasm-patch.ts'

/** `in eax, 0xE6; ret`: traps to the host through v86's port read, where VMCALL would not exist. */
export const HYPERCALL_CODE: Uint8Array = Uint8Array.of(0xe5, 0xe6, 0xc3)
const HYPERCALL_PORT = 0xe6
const HYPERVISOR_LEAF = 0x4000_0000
const HYPERCALL_MSR = 0x4000_0001
const SYNTHETIC_MSR_FIRST = 0x4000_0000
const SYNTHETIC_MSR_LAST = 0x4000_ffff
const PAGE = 4096

/** Indexes of v86's register file. */
const EAX = 0
const ECX = 1
const EDX = 2
const EBX = 3

/** Turns v86's port reads and hook questions into the partition's calls. */
export interface TrapDispatcher {
  connect(partition: ProcessorTraps): void
  /** The answer to v86's io_port_read32, or undefined when it is a port like any other. */
  read32(port: number): number | undefined
  /** GPA of the enabled hypercall page, or 0. */
  hypercallPage: number
}

/** `settle` brings the machine's clock up to date before the partition looks at it. */
export function trapDispatcher(views: () => CpuViews, settle: () => void): TrapDispatcher {
  const cpuid: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 }
  const msr = new Uint32Array(2)
  let partition: ProcessorTraps | undefined
  let hypercallPage = 0
  let faulted = false

  const onCpuid = (): number => {
    const { registers } = views().renew()
    const leaf = (registers[EAX] ?? 0) >>> 0
    // v86's own leaf 1 already says that there is a hypervisor.
    if (
      partition === undefined ||
      leaf < HYPERVISOR_LEAF ||
      !partition.cpuid(0, leaf, (registers[ECX] ?? 0) >>> 0, cpuid)
    )
      return 0
    const after = views().renew().registers
    after[EAX] = cpuid.eax
    after[EBX] = cpuid.ebx
    after[ECX] = cpuid.ecx
    after[EDX] = cpuid.edx
    return 1
  }

  const onMsr = (write: boolean): number => {
    const { registers, bytes } = views().renew()
    const index = (registers[ECX] ?? 0) >>> 0
    // Outside of level 0 the original instruction raises #GP itself.
    if (index < SYNTHETIC_MSR_FIRST || index > SYNTHETIC_MSR_LAST || bytes[views().cplOffset] !== 0) return 0
    if (partition === undefined) {
      faulted = true
      return 1
    }
    settle()
    if (write) {
      const low = (registers[EAX] ?? 0) >>> 0
      faulted = !partition.wrmsr(0, index, low, (registers[EDX] ?? 0) >>> 0)
      if (!faulted && index === HYPERCALL_MSR) hypercallPage = (low & 1) === 1 ? low - (low % PAGE) : 0
      return 1
    }
    faulted = !partition.rdmsr(0, index, msr)
    if (!faulted) {
      const after = views().renew().registers
      after[EAX] = msr[0] ?? 0
      after[EDX] = msr[1] ?? 0
    }
    return 1
  }

  const onHypercall = (): number | undefined => {
    const { registers, bytes } = views().renew()
    if (partition === undefined || hypercallPage === 0 || bytes[views().cplOffset] !== 0) return undefined
    if (!views().executingPage(hypercallPage)) return undefined
    settle()
    const [eax = 0, ecx = 0, edx = 0, ebx = 0, , , esi = 0, edi = 0] = registers
    // Control in EDX:EAX, input in EBX:ECX, output in EDI:ESI, result in EDX:EAX (TLFS, 32-bit hypercall convention).
    const result = partition.hypercall(0, eax >>> 0, edx >>> 0, ecx >>> 0, ebx >>> 0, esi >>> 0, edi >>> 0)
    views().renew().registers[EDX] = Math.floor(result / 0x1_0000_0000) | 0
    return result | 0
  }

  return {
    connect(next) {
      partition = next
    },
    get hypercallPage() {
      return hypercallPage
    },
    set hypercallPage(gpa) {
      hypercallPage = gpa
    },
    read32(port) {
      if (port < HOOK_BASE) return port === HYPERCALL_PORT ? onHypercall() : undefined
      if (port === HOOK_FAULT) {
        const fault = faulted ? 1 : 0
        faulted = false
        return fault
      }
      return port === HOOK_BASE + HookKind.cpuid ? onCpuid() : onMsr(port === HOOK_BASE + HookKind.wrmsr)
    },
  }
}
