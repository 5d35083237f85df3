import type { EmulatorInstance } from './load.ts'

/** v86's own save file (zeroed pages left out), with what it forgets. */
export interface CpuState {
  readonly file: Uint8Array
  readonly serialInput: readonly number[]
  /** v86's guard against its ACPI timer going back: last value, offset, value at the last look. */
  readonly acpiTimer: readonly [last: number, offset: number, lastTimer: number]
}

export function saveCpu({ cpu, states }: EmulatorInstance): CpuState {
  const { acpi, uart0 } = cpu.devices
  return {
    file: new Uint8Array(states.save_state()),
    serialInput: [...uart0.input],
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
  devices.uart0.input = [...state.serialInput]
  const [last, offset, lastTimer] = state.acpiTimer
  devices.acpi.timer_last_value = last
  devices.acpi.timer_imprecision_offset = offset
  devices.acpi.last_timer = lastTimer
}
