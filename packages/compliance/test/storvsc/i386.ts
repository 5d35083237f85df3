/** Where the file's first page is mapped: the address that i386 linkers give to programs. */
const BASE = 0x0804_8000
const PAGE = 4096
/** ELF header and one program header, both of their fixed sizes (System V ABI, Intel386 supplement). */
const CODE = 52 + 32

/** Little endian, as the processor reads an immediate. */
const u32 = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]
const u16 = (value: number): number[] => [value & 0xff, value >>> 8]

/** A static program of one page: its code starts behind the headers. */
function elf(code: readonly number[], flags: number, memoryBytes: number): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(PAGE)
  page.set([
    ...[0x7f, 0x45, 0x4c, 0x46], // \x7fELF
    ...[1, 1, 1, 0], // 32 bits, little endian, version 1, System V
    ...[0, 0, 0, 0, 0, 0, 0, 0],
    ...u16(2), // an executable
    ...u16(3), // for the 80386
    ...u32(1),
    ...u32(BASE + CODE), // entry
    ...u32(52), // program headers follow
    ...u32(0), // no sections
    ...u32(0),
    ...u16(52), // size of this header
    ...u16(32), // size of a program header
    ...u16(1), // one of them
    ...u16(40),
    ...u16(0),
    ...u16(0),
    // The program header.
    ...u32(1), // PT_LOAD
    ...u32(0), // from the file's beginning
    ...u32(BASE),
    ...u32(BASE),
    ...u32(PAGE), // bytes of the file
    ...u32(memoryBytes),
    ...u32(flags), // 1 execute, 2 write, 4 read
    ...u32(PAGE),
    ...code,
  ])
  return page
}

/**
 * Ends with `status`, which is an immediate inside of a loop: run so often that a compiler takes the loop, and the old
 * number with it.
 */
export const programOf = (status: number, turns: number, mark: string): Uint8Array<ArrayBuffer> =>
  elf(
    [
      ...[0xb9, ...u32(turns)], // mov ecx, turns
      ...[0xbb, ...u32(status)], // again: mov ebx, status
      ...[0xe2, 0xf9], // loop again
      ...[0xb8, ...u32(1)], // mov eax, 1 (exit)
      ...[0xcd, 0x80], // int 0x80
      ...new TextEncoder().encode(mark),
    ],
    5,
    PAGE,
  )

/** A page of code to be called: brings `value` in EBX. */
export function functionOf(value: number): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(PAGE)
  page.set([0xbb, ...u32(value), 0xc3]) // mov ebx, value; ret
  return page
}

/**
 * Reads a block device past the page cache, page by page into the same page, calls what it read `turns` times, and
 * prints the byte that it brought. Its exit status is 0, or the error number of a read.
 */
export const callerOf = (device: string, turns: number): Uint8Array<ArrayBuffer> => {
  const buffer = BASE + PAGE
  const printed = BASE + 2 * PAGE
  const path = BASE + CODE + 0x61
  return elf(
    [
      ...[0xb8, ...u32(5)], // 00: mov eax, 5 (open)
      ...[0xbb, ...u32(path)], // 05: mov ebx, path
      ...[0xb9, ...u32(0x4000)], // 0a: mov ecx, O_DIRECT
      ...[0x31, 0xd2], // 0f: xor edx, edx
      ...[0xcd, 0x80], // 11: int 0x80
      ...[0x89, 0xc6], // 13: mov esi, eax
      ...[0xb8, ...u32(3)], // 15: next: mov eax, 3 (read)
      ...[0x89, 0xf3], // 1a: mov ebx, esi
      ...[0xb9, ...u32(buffer)], // 1c: mov ecx, buffer
      ...[0xba, ...u32(PAGE)], // 21: mov edx, 4096
      ...[0xcd, 0x80], // 26: int 0x80
      ...[0x85, 0xc0], // 28: test eax, eax
      ...[0x7e, 0x2a], // 2a: jle done
      ...[0xb9, ...u32(turns)], // 2c: mov ecx, turns
      ...[0xe8, ...u32(buffer - (BASE + CODE + 0x36))], // 31: again: call buffer
      ...[0xe2, 0xf9], // 36: loop again
      ...[0x88, 0x1d, ...u32(printed)], // 38: mov [printed], bl
      ...[0xb8, ...u32(4)], // 3e: mov eax, 4 (write)
      ...[0xbb, ...u32(1)], // 43: mov ebx, 1
      ...[0xb9, ...u32(printed)], // 48: mov ecx, printed
      ...[0xba, ...u32(1)], // 4d: mov edx, 1
      ...[0xcd, 0x80], // 52: int 0x80
      ...[0xeb, 0xbf], // 54: jmp next
      ...[0xf7, 0xd8], // 56: done: neg eax
      ...[0x89, 0xc3], // 58: mov ebx, eax
      ...[0xb8, ...u32(1)], // 5a: mov eax, 1 (exit)
      ...[0xcd, 0x80], // 5f: int 0x80
      ...new TextEncoder().encode(`${device}\0`), // 61: path
    ],
    7,
    3 * PAGE,
  )
}
