import type { WasmMemory } from './webassembly.ts'

/** The part of v86's inside that a machine uses; v86 publishes no types for it. Names are v86's own. */
export interface V86Cpu {
  /** Proxies over wasm memory: correct across growth and slow, so only `byteOffset` is read. */
  readonly mem8: Uint8Array
  readonly wasm_memory: WasmMemory
  readonly io: V86Io
  readonly devices: V86Devices
  /** Runs until idle or one virtual millisecond passed; returns the milliseconds until the next device timer. */
  main_loop(): number
  /** Device timers at `now` ms; returns the milliseconds until the next one. */
  run_hardware_timers(acpiEnabled: number, now: number): number
  get_apic_addr(): number
  /** Physical address of a mapped linear one. */
  translate_address_system_read(linear: number): number
  full_clear_tlb(): void
  jit_dirty_cache(start: number, end: number): void
  set_tsc(low: number, high: number): void
}

interface V86Io {
  register_write(
    port: number,
    device: unknown,
    write8?: (value: number) => void,
    write16?: (value: number) => void,
    write32?: (value: number) => void,
  ): void
}

interface V86Devices {
  pci?: unknown
  readonly uart0: { input: number[] }
  readonly uart1: { input: number[] }
  readonly acpi: { status: number; timer_last_value: number; timer_imprecision_offset: number; last_timer: number }
}

export interface V86Options {
  readonly memory_size: number
  readonly vga_memory_size: number
  readonly acpi: true
  readonly disable_jit: boolean
  readonly autostart: false
  readonly disable_keyboard: true
  readonly disable_mouse: true
  readonly disable_speaker: true
  readonly net_device: { readonly type: 'none' }
  readonly uart1: true
}
