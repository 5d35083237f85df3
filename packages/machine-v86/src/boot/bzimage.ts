import { MachineError } from '../errors.ts'
import { decompress } from '../archive/decompress.ts'
import { parseElf32, type ElfSegment } from './elf.ts'

/** What the boot protocol needs of a bzImage, its payload unpacked. */
export interface KernelImage {
  /** Bytes 0x1F1 to the end of the setup header, to be copied into boot_params. */
  readonly setupHeader: Uint8Array
  /** "6.1.0-47-686 (debian-kernel@…) …", as the image names itself. */
  readonly version: string
  readonly segments: readonly ElfSegment[]
  /** Physical address of the 32-bit entry. */
  readonly entry: number
  readonly initrdMaximum: number
}

/** Offsets in the setup header (Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"). */
const Setup = {
  setupSects: 0x1f1,
  bootFlag: 0x1fe,
  jump: 0x201,
  header: 0x202,
  version: 0x206,
  kernelVersion: 0x20e,
  initrdMax: 0x22c,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
} as const
const HDRS = 0x5372_6448
/** payload_offset and payload_length came with protocol 2.08. */
const OLDEST_PROTOCOL = 0x0208

const notKernel = (why: string): MachineError =>
  new MachineError('VMBUS_IMAGE_NOT_A_KERNEL', `not a 32-bit Linux kernel image: ${why}`)

/** Parses a bzImage and unpacks its kernel on the host: inside the guest that takes 40 s of virtual time. */
export async function readBzImage(bytes: Uint8Array): Promise<KernelImage> {
  if (bytes.length < 0x268) throw notKernel(`${bytes.length} bytes are too few for a setup header`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint16(Setup.bootFlag, true) !== 0xaa55 || view.getUint32(Setup.header, true) !== HDRS) {
    throw notKernel('it lacks the boot flag and "HdrS"')
  }
  const protocol = view.getUint16(Setup.version, true)
  if (protocol < OLDEST_PROTOCOL) throw notKernel(`boot protocol ${protocol >> 8}.${protocol & 0xff} names no payload`)

  const setupSectors = view.getUint8(Setup.setupSects) || 4
  const start = (setupSectors + 1) * 512 + view.getUint32(Setup.payloadOffset, true)
  const length = view.getUint32(Setup.payloadLength, true)
  if (start + length > bytes.length) {
    throw new MachineError(
      'VMBUS_IMAGE_TRUNCATED',
      `the kernel's payload ends at byte ${start + length} of ${bytes.length}`,
    )
  }
  const elf = parseElf32(await decompress(bytes.subarray(start, start + length), { what: 'the kernel payload' }))
  if (elf === undefined) throw notKernel('its payload is not a 32-bit x86 ELF')
  return {
    setupHeader: bytes.slice(Setup.setupSects, Setup.header + view.getUint8(Setup.jump)),
    version: versionText(bytes, view),
    segments: elf.segments,
    entry: elf.entry,
    initrdMaximum: view.getUint32(Setup.initrdMax, true),
  }
}

function versionText(bytes: Uint8Array, view: DataView): string {
  const pointer = view.getUint16(Setup.kernelVersion, true)
  if (pointer === 0) return ''
  const text = bytes.subarray(pointer + 0x200, pointer + 0x200 + 256)
  const end = text.indexOf(0)
  return new TextDecoder('latin1').decode(end < 0 ? text : text.subarray(0, end))
}
