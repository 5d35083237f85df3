import type { GuestMemory } from '@vmbus/hypervisor'
import { MachineError } from '../errors.ts'
import { ACPI_BASE, ACPI_END, writeAcpiTables } from './acpi.ts'
import type { KernelImage } from './bzimage.ts'

const BOOT_PARAMS = 0x1_0000
const COMMAND_LINE = 0x2_0000
const COMMAND_LINE_LIMIT = 2048
const PAGE = 4096

/** Offsets in struct boot_params (Linux Documentation/arch/x86/zero-page.rst) and in its setup header (boot.rst). */
const Params = {
  acpiRsdp: 0x070,
  e820Entries: 0x1e8,
  setupHeader: 0x1f1,
  videoMode: 0x1fa,
  loaderType: 0x210,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  commandLine: 0x228,
  e820Table: 0x2d0,
} as const
const E820 = { ram: 1, reserved: 2, acpi: 3 } as const
/** The extended BIOS data area and video memory begin here, as on a PC. */
const LOW_RAM_END = 0x9_fc00

export interface LinuxBoot {
  readonly kernel: KernelImage
  readonly initrd: Uint8Array
  readonly cmdline: string
}

/**
 * Places kernel, initial RAM disk, command line, memory map and ACPI tables as the 32-bit boot protocol asks.
 * Returns the entry and the address for ESI.
 */
export function loadLinux(
  memory: GuestMemory,
  { kernel, initrd, cmdline }: LinuxBoot,
): { entry: number; bootParams: number } {
  const { bytes, view, size } = memory
  let kernelEnd = 0
  for (const segment of kernel.segments) {
    const end = segment.address + segment.memoryLength
    if (segment.address < 0x10_0000 || end > size) {
      throw new MachineError(
        'VMBUS_MACHINE_OPTIONS',
        `the kernel needs RAM up to ${end} bytes, the machine has ${size}`,
        { needed: end, size },
      )
    }
    bytes.set(segment.bytes, segment.address)
    kernelEnd = Math.max(kernelEnd, end)
  }
  const top = Math.min(size, kernel.initrdMaximum + 1)
  const initrdAt = top - Math.ceil(initrd.length / PAGE) * PAGE
  if (initrdAt < kernelEnd) {
    throw new MachineError(
      'VMBUS_MACHINE_OPTIONS',
      `the initial RAM disk of ${initrd.length} bytes does not fit beside the kernel in ${size} bytes`,
      { initrd: initrd.length, size },
    )
  }
  bytes.set(initrd, initrdAt)

  const text = new TextEncoder().encode(cmdline)
  if (text.length >= COMMAND_LINE_LIMIT)
    throw new MachineError(
      'VMBUS_MACHINE_OPTIONS',
      `the command line has ${text.length} bytes, ${COMMAND_LINE_LIMIT - 1} fit`,
    )
  bytes.set(text, COMMAND_LINE)

  bytes.set(kernel.setupHeader, BOOT_PARAMS + Params.setupHeader)
  view.setUint16(BOOT_PARAMS + Params.videoMode, 0xffff, true)
  view.setUint8(BOOT_PARAMS + Params.loaderType, 0xff)
  view.setUint32(BOOT_PARAMS + Params.ramdiskImage, initrdAt, true)
  view.setUint32(BOOT_PARAMS + Params.ramdiskSize, initrd.length, true)
  view.setUint32(BOOT_PARAMS + Params.commandLine, COMMAND_LINE, true)
  view.setBigUint64(BOOT_PARAMS + Params.acpiRsdp, BigInt(writeAcpiTables(memory)), true)

  const map: readonly (readonly [start: number, end: number, type: number])[] = [
    [0, LOW_RAM_END, E820.ram],
    [LOW_RAM_END, 0xa_0000, E820.reserved],
    [ACPI_BASE, ACPI_END, E820.reserved],
    [0x10_0000, size, E820.ram],
  ]
  view.setUint8(BOOT_PARAMS + Params.e820Entries, map.length)
  map.forEach(([start, end, type], i) => {
    const at = BOOT_PARAMS + Params.e820Table + i * 20
    view.setBigUint64(at, BigInt(start), true)
    view.setBigUint64(at + 8, BigInt(end - start), true)
    view.setUint32(at + 16, type, true)
  })
  memory.wrote(0, size)
  return { entry: kernel.entry, bootParams: BOOT_PARAMS }
}
