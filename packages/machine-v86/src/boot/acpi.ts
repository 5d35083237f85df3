import type { GuestMemory } from '@vmbus/hypervisor'
import { device, integer, memoryWindow, name, packageOf, resources, scope, string } from './aml.ts'

/** The tables lie in the BIOS area, which the memory map keeps from the kernel; the RSDP is found there by scanning. */
export const ACPI_BASE = 0xe_0000
export const ACPI_END = 0x10_0000

/** What v86's chipset has (its src/acpi.js): PIIX4-style power management block, GPE block, SCI on IRQ 9. */
const PM1A_EVENT = 0xb000
const PM1A_CONTROL = 0xb004
const PM_TIMER = 0xb008
const GPE0 = 0xafe0
const SCI = 9
const RESET_PORT = 0xcf9
const RESET_VALUE = 0x06
const LOCAL_APIC = 0xfee0_0000
const IO_APIC = 0xfec0_0000

/** Room for synthetic video and PCI, below the APICs: what a generation 2 virtual machine's module device gives. */
const MMIO_FIRST = 0xf800_0000
const MMIO_LAST = 0xfebf_ffff

const ascii = (text: string, length: number): number[] => Array.from(text.padEnd(length, ' '), (c) => c.charCodeAt(0))

function checksum(bytes: Uint8Array, at: number): void {
  bytes[at] = 0
  bytes[at] = -bytes.reduce((sum, value) => sum + value, 0) & 0xff
}

/** A table with the common header (ACPI 6.5 table 5.4) over `body`. */
function table(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(36 + body.length)
  const view = new DataView(out.buffer)
  out.set(ascii(signature, 4), 0)
  view.setUint32(4, out.length, true)
  out[8] = revision
  out.set(ascii('VMBUS', 6), 10)
  out.set(ascii('MACHINE', 8), 16)
  view.setUint32(24, 1, true)
  out.set(ascii('VMBS', 4), 28)
  view.setUint32(32, 1, true)
  out.set(body, 36)
  checksum(out, 9)
  return out
}

/** The namespace: sleep state 5, and the VMBUS device under a parent whose _CRS has the memory window. */
export function dsdt(): Uint8Array {
  const aml = [
    ...name('\\_S5_', packageOf(integer(0), integer(0), integer(0), integer(0))),
    ...scope(
      '\\_SB_',
      device(
        'VMOD',
        name('_HID', string('ACPI0004')),
        name('_UID', integer(0)),
        name('_CRS', resources(memoryWindow(MMIO_FIRST, MMIO_LAST))),
        device('VMBS', name('_HID', string('VMBUS')), name('_UID', integer(0)), name('_STA', integer(15))),
      ),
    ),
  ]
  return table('DSDT', 2, Uint8Array.from(aml))
}

/** Fixed description table (ACPI 6.5 table 5.9), 116 bytes as revision 3 has it up to the reset register. */
function fadt(dsdtAddress: number): Uint8Array {
  const body = new Uint8Array(244 - 36)
  const view = new DataView(body.buffer)
  const u32 = (offset: number, value: number): void => view.setUint32(offset - 36, value, true)
  const u8 = (offset: number, value: number): void => view.setUint8(offset - 36, value)
  u32(40, dsdtAddress)
  view.setUint16(46 - 36, SCI, true)
  u32(56, PM1A_EVENT)
  u32(64, PM1A_CONTROL)
  u32(76, PM_TIMER)
  u32(80, GPE0)
  u8(88, 4) // PM1_EVT_LEN
  u8(89, 2) // PM1_CNT_LEN
  u8(91, 4) // PM_TMR_LEN
  u8(92, 4) // GPE0_BLK_LEN
  view.setUint16(96 - 36, 0xffff, true) // no C2
  view.setUint16(98 - 36, 0xffff, true) // no C3
  u8(108, 0x32) // CMOS century register
  view.setUint16(109 - 36, 0b11, true) // legacy devices, 8042
  // WBINVD works, C1 works, no fixed power and sleep buttons, reset register.
  u32(112, (1 << 0) | (1 << 2) | (1 << 4) | (1 << 5) | (1 << 10))
  // Generic address: I/O space, 8 bits, offset 0, byte access.
  body.set([1, 8, 0, 1], 116 - 36)
  view.setBigUint64(120 - 36, BigInt(RESET_PORT), true)
  u8(128, RESET_VALUE)
  return table('FACP', 3, body)
}

/** Interrupt controllers (ACPI 6.5 §5.2.12): one local APIC, one I/O APIC, the timer on pin 2, a level-triggered SCI. */
function madt(): Uint8Array {
  const body = new Uint8Array(8 + 8 + 12 + 10 + 10)
  const view = new DataView(body.buffer)
  view.setUint32(0, LOCAL_APIC, true)
  view.setUint32(4, 1, true)
  body.set([0, 8, 0, 0, 1, 0, 0, 0], 8)
  body.set([1, 12, 0, 0], 16)
  view.setUint32(20, IO_APIC, true)
  body.set([2, 10, 0, 0, 2, 0, 0, 0, 0, 0], 28)
  body.set([2, 10, 0, SCI, SCI, 0, 0, 0, 0x0d, 0], 38)
  return table('APIC', 3, body)
}

/** Root pointer of ACPI 1.0 (20 bytes): a 32-bit kernel needs no more. */
function rsdp(rsdt: number): Uint8Array {
  const out = new Uint8Array(20)
  out.set(ascii('RSD PTR ', 8), 0)
  out.set(ascii('VMBUS', 6), 9)
  new DataView(out.buffer).setUint32(16, rsdt, true)
  checksum(out, 8)
  return out
}

/** Writes all tables; returns the RSDP's address. */
export function writeAcpiTables(memory: GuestMemory): number {
  let next = ACPI_BASE + 64
  const place = (bytes: Uint8Array): number => {
    const at = next
    memory.bytes.set(bytes, at)
    next = (at + bytes.length + 15) & ~15
    return at
  }
  const fixed = place(fadt(place(dsdt())))
  const interrupts = place(madt())
  const pointers = new Uint8Array(8)
  const view = new DataView(pointers.buffer)
  view.setUint32(0, fixed, true)
  view.setUint32(4, interrupts, true)
  memory.bytes.set(rsdp(place(table('RSDT', 1, pointers))), ACPI_BASE)
  memory.wrote(ACPI_BASE, next - ACPI_BASE)
  return ACPI_BASE
}
