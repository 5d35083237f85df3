import {
  bytes,
  integer,
  list,
  number,
  object,
  pair,
  stateForm,
  u8,
  uncopied,
  type StateForm,
  type StateHead,
} from '@vmbus/world'
import type { EmulatorInstance } from './emulator-types.ts'
import type { CpuState, MachineSnapshot } from './machine-types.ts'

/** From reg32 to the end of fpu_st (v86 src/rust/cpu/global_pointers.rs). */
const PROCESSOR_FIRST = 64
const PROCESSOR_END = 1280

export const MACHINE_STATE: StateForm<Omit<MachineSnapshot, keyof StateHead>> = stateForm('machine-v86', 2, {
  memoryMB: integer(),
  cpu: object<CpuState>({
    file: uncopied,
    processor: bytes(PROCESSOR_END - PROCESSOR_FIRST),
    serialInput: pair(list(u8), list(u8)),
    acpiTimer: list(number(), 3, 3),
  }),
  timeNs: number(0),
  instructions: integer(),
  randomDraws: integer(),
  clockReads: integer(),
  slices: integer(),
  interrupts: integer(),
  pending: list(pair(u8, number(0))),
  hypercallPage: integer(0, 0xffff_f000),
})

/**
 * Also forgets the TLB, as a processor may at any time: a restored machine begins without one, and the machine that was
 * saved shall go on with the very same instructions.
 */
export function saveCpu({ cpu, states }: EmulatorInstance): CpuState {
  const { acpi, uart0, uart1 } = cpu.devices
  cpu.full_clear_tlb()
  return {
    processor: new Uint8Array(cpu.wasm_memory.buffer).slice(PROCESSOR_FIRST, PROCESSOR_END),
    file: new Uint8Array(states.save_state()),
    serialInput: [[...uart0.input], [...uart1.input]],
    acpiTimer: [acpi.timer_last_value, acpi.timer_imprecision_offset, acpi.last_timer],
  }
}

/** v86's PCI restore expects a BIOS to have run and throws without one; no guest of ours touches PCI, so it is left out. */
export function restoreCpu({ cpu, states }: EmulatorInstance, state: CpuState): void {
  const { devices } = cpu
  const { pci } = devices
  devices.pci = undefined
  try {
    states.restore_state(state.file.slice().buffer)
  } finally {
    devices.pci = pci
  }
  new Uint8Array(cpu.wasm_memory.buffer).set(state.processor, PROCESSOR_FIRST)
  devices.uart0.input = [...state.serialInput[0]]
  devices.uart1.input = [...state.serialInput[1]]
  const [last = 0, offset = 0, lastTimer = 0] = state.acpiTimer
  devices.acpi.timer_last_value = last
  devices.acpi.timer_imprecision_offset = offset
  devices.acpi.last_timer = lastTimer
}
