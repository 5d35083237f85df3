import { describe, expect, it } from 'vitest'
import { ACPI_BASE, dsdt, writeAcpiTables } from '../src/boot/acpi.ts'
import { readBzImage } from '../src/boot/bzimage.ts'
import { parseElf32 } from '../src/boot/elf.ts'
import { loadLinux } from '../src/boot/linux.ts'
import { codeOf } from './support/errors.ts'
import { kernelElf, bzImage } from './support/kernel.ts'
import { plainMemory } from './support/memory.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const ascii = (bytes: Uint8Array, at: number, length: number): string =>
  Buffer.from(bytes.subarray(at, at + length)).toString('latin1')
const sum = (bytes: Uint8Array): number => bytes.reduce((total, value) => total + value, 0) & 0xff

describe('ACPI tables', () => {
  it('encode the VMBUS device under a parent with a memory window (worked by hand from ACPI 6.5 chapter 20)', () => {
    const s5 = '085c5f53355f 1206 04 00000000'
    const hid = '085f484944 0d 4143504930303034 00'
    const window = '87 1700 00 0c 01 00000000 000000f8 ffffbffe 00000000 0000c006'
    const crs = `085f435253 11 1f 0a1c ${window} 7900`
    const vmbs = '5b82 1e 564d4253 085f484944 0d 564d425553 00 085f554944 00 085f535441 0a0f'
    const vmod = `5b82 4006 564d4f44 ${hid} 085f554944 00 ${crs} ${vmbs}`
    const aml = `${s5} 10 4906 5c5f53425f ${vmod}`.replace(/ /g, '')
    expect(hex(dsdt().subarray(36))).toBe(aml)
  })

  it('are linked from the root pointer, each with sum 0', () => {
    const memory = plainMemory(2)
    expect(writeAcpiTables(memory)).toBe(ACPI_BASE)
    const { bytes, view } = memory
    expect(ascii(bytes, ACPI_BASE, 8)).toBe('RSD PTR ')
    expect(sum(bytes.subarray(ACPI_BASE, ACPI_BASE + 20))).toBe(0)
    const table = (at: number): Uint8Array => bytes.subarray(at, at + view.getUint32(at + 4, true))
    const rsdt = view.getUint32(ACPI_BASE + 16, true)
    const fadt = view.getUint32(rsdt + 36, true)
    const madt = view.getUint32(rsdt + 40, true)
    const dsdtAt = view.getUint32(fadt + 40, true)
    expect([rsdt, fadt, madt, dsdtAt].map((at) => [ascii(bytes, at, 4), sum(table(at))])).toEqual([
      ['RSDT', 0],
      ['FACP', 0],
      ['APIC', 0],
      ['DSDT', 0],
    ])
    // PM1a control 0xB004 and the reset register: I/O port 0xCF9, value 6.
    expect(view.getUint32(fadt + 64, true)).toBe(0xb004)
    expect(hex(bytes.subarray(fadt + 116, fadt + 129))).toBe('01080001f90c00000000000006')
  })
})

describe('readBzImage', () => {
  it('unpacks the payload and reads its segments', async () => {
    const kernel = await readBzImage(bzImage(kernelElf()))
    expect(kernel.entry).toBe(0x100_0000)
    expect(kernel.version).toBe('6.1.0-test (me)')
    expect(kernel.segments.map(({ address, bytes, memoryLength }) => [address, hex(bytes), memoryLength])).toEqual([
      [0x100_0000, 'f4', 16],
    ])
  })

  it('names what is not a kernel and what is cut', async () => {
    const whole = bzImage(kernelElf())
    expect(await codeOf(() => readBzImage(new Uint8Array(10)))).toBe('VMBUS_IMAGE_NOT_A_KERNEL')
    expect(await codeOf(() => readBzImage(new Uint8Array(4096)))).toBe('VMBUS_IMAGE_NOT_A_KERNEL')
    expect(await codeOf(() => readBzImage(whole.subarray(0, whole.length - 40)))).toBe('VMBUS_IMAGE_TRUNCATED')
    const amd64 = kernelElf()
    amd64[4] = 2
    expect(await codeOf(() => readBzImage(bzImage(amd64)))).toBe('VMBUS_IMAGE_NOT_A_KERNEL')
  })

  it('refuses ELF headers that point outside of the file', () => {
    for (const [at, value] of [
      [28, 0xffff_fff0],
      [44, 0xffff],
      [52 + 4, 0xffff_0000],
      [52 + 16, 0x7fff_ffff],
    ] as const) {
      const elf = kernelElf()
      new DataView(elf.buffer).setUint32(at, value, true)
      expect(parseElf32(elf)).toBeUndefined()
    }
  })
})

describe('loadLinux', () => {
  it('places what the 32-bit boot protocol asks for', async () => {
    const memory = plainMemory(32)
    const { entry, bootParams } = loadLinux(memory, {
      kernel: await readBzImage(bzImage(kernelElf())),
      initrd: Buffer.from('initrd'),
      cmdline: 'console=ttyS0',
    })
    const { bytes, view } = memory
    expect(entry).toBe(0x100_0000)
    expect(bytes[0x100_0000]).toBe(0xf4)
    const initrd = view.getUint32(bootParams + 0x218, true)
    expect([initrd % 4096, view.getUint32(bootParams + 0x21c, true), ascii(bytes, initrd, 6)]).toEqual([0, 6, 'initrd'])
    expect(ascii(bytes, view.getUint32(bootParams + 0x228, true), 14)).toBe('console=ttyS0\0')
    expect([ascii(bytes, bootParams + 0x202, 4), view.getUint8(bootParams + 0x210)]).toEqual(['HdrS', 0xff])
    const count = view.getUint8(bootParams + 0x1e8)
    const map = Array.from({ length: count }, (_, i) => bootParams + 0x2d0 + i * 20).map((at) => [
      Number(view.getBigUint64(at, true)),
      Number(view.getBigUint64(at + 8, true)),
      view.getUint32(at + 16, true),
    ])
    expect(map).toEqual([
      [0, 0x9fc00, 1],
      [0x9fc00, 0x400, 2],
      [0xe0000, 0x20000, 2],
      [0x10_0000, 31 * 2 ** 20, 1],
    ])
  })

  it('says when something does not fit', async () => {
    const kernel = await readBzImage(bzImage(kernelElf()))
    const fit = (mib: number, initrd: number, cmdline = ''): Promise<string> =>
      codeOf(() => loadLinux(plainMemory(mib), { kernel, initrd: new Uint8Array(initrd), cmdline }))
    expect(await fit(16, 0)).toBe('VMBUS_MACHINE_OPTIONS')
    expect(await fit(18, 3 * 2 ** 20)).toBe('VMBUS_MACHINE_OPTIONS')
    expect(await fit(32, 0, 'x'.repeat(2048))).toBe('VMBUS_MACHINE_OPTIONS')
  })
})
