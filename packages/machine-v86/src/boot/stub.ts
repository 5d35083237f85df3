import type { GuestMemory } from '@vmbus/hypervisor'

/** Where the processor starts after reset: F000:FFF0 (Intel SDM Vol. 3A §10.1.4, as seen below 1 MiB). */
const RESET_VECTOR = 0xffff0
/** Our code and descriptor table, below the boot parameters and in memory that the kernel takes over. */
const STUB = 0x7000
const GDT = 0x7100

/**
 * Puts code at the reset vector that enters `entry` as the 32-bit boot protocol asks (Linux
 * Documentation/arch/x86/boot.rst): flat segments at selectors 0x10 and 0x18, interrupts off, paging off, ESI = the
 * address of boot_params, EBP = EDI = EBX = 0.
 */
export function bootStub(memory: GuestMemory, entry: number, bootParams: number): void {
  const { bytes, view } = memory
  // jmp 0000:7000
  bytes.set([0xea, STUB & 0xff, STUB >> 8, 0x00, 0x00], RESET_VECTOR)

  const stub = [
    [0xfa], // cli
    [0x31, 0xc0], // xor ax, ax
    [0x8e, 0xd8], // mov ds, ax
    [0x66, 0x0f, 0x01, 0x16, GDT & 0xff, GDT >> 8], // lgdt [GDT] (32-bit base)
    [0x0f, 0x20, 0xc0], // mov eax, cr0
    [0x0c, 0x01], // or al, 1
    [0x0f, 0x22, 0xc0], // mov cr0, eax
    [0x66, 0xea, 0, 0, 0, 0, 0x10, 0x00], // jmp 0010:flat
  ].flat()
  const flat = STUB + stub.length
  const code = [
    stub,
    [0x66, 0xb8, 0x18, 0x00], // mov ax, 0x18
    [0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xe0, 0x8e, 0xe8, 0x8e, 0xd0], // mov ds/es/fs/gs/ss, ax
    [0xbc, 0x00, 0x70, 0x00, 0x00], // mov esp, 0x7000
    [0x31, 0xdb, 0x31, 0xed, 0x31, 0xff], // xor ebx, ebp, edi
    [0xbe, 0, 0, 0, 0], // mov esi, bootParams
    [0xb8, 0, 0, 0, 0], // mov eax, entry
    [0xff, 0xe0], // jmp eax
  ].flat()
  bytes.set(code, STUB)
  view.setUint32(flat - 6, flat, true)
  view.setUint32(STUB + code.length - 11, bootParams, true)
  view.setUint32(STUB + code.length - 6, entry, true)

  // Pseudo-descriptor, then null, unused, 32-bit code and data of 4 GiB from 0.
  view.setUint16(GDT, 4 * 8 - 1, true)
  view.setUint32(GDT + 2, GDT + 8, true)
  const descriptors = GDT + 8
  view.setBigUint64(descriptors, 0n, true)
  view.setBigUint64(descriptors + 8, 0n, true)
  view.setBigUint64(descriptors + 16, 0x00cf_9a00_0000_ffffn, true)
  view.setBigUint64(descriptors + 24, 0x00cf_9200_0000_ffffn, true)
  memory.wrote(RESET_VECTOR, 16)
  memory.wrote(STUB, 0x200)
}
