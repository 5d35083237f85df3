import { describe, expect, it } from 'vitest'
import { createVhdx, memoryDisk, memoryStore, openVhdx, type BlockDevice, type MemoryStore } from '@vmbus/disk'
import { pattern, readSectors } from './support.ts'

/**
 * Structure vectors typed by hand from [MS-VHDX] 8.0, not taken from the code. Checksums are computed bit by bit here.
 */
const MB = 2 ** 20

/** CRC-32C by its definition: reflected polynomial 0x82F63B78, one bit at a time. */
function crc32cByBits(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/[^0-9a-f]/gi, ''), 'hex'))
const at = (store: MemoryStore, offset: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  store.read(offset, bytes)
  return bytes
}

/** Puts hex at an offset and, for a structure of `length` with a checksum, the checksum at its byte 4. */
function put(store: MemoryStore, offset: number, text: string, checkedLength?: number): void {
  if (checkedLength === undefined) return store.write(offset, hex(text))
  const bytes = new Uint8Array(checkedLength)
  bytes.set(hex(text))
  new DataView(bytes.buffer).setUint32(4, crc32cByBits(bytes), true)
  store.write(offset, bytes)
}

// GUIDs of the document in their binary form (first three groups little endian).
const BAT = '66 77 C2 2D 23 F6 00 42 9D 64 11 5E 9B FD 4A 08'
const METADATA = '06 A2 7C 8B 90 47 9A 4B B8 FE 57 5F 05 0F 88 6E'
const FILE_PARAMETERS = '37 67 A1 CA 36 FA 43 4D B3 B6 33 F0 AA 44 E7 6B'
const DISK_SIZE = '24 42 A5 2F 1B CD 76 48 B2 11 5D BE D8 3B F4 B8'
const DISK_ID = 'AB 12 CA BE E6 B2 23 45 93 EF C3 09 E0 00 C7 46'
const LOGICAL = '1D BF 41 81 6F A9 09 47 BA 47 F2 33 A8 FA AB 5F'
const PHYSICAL = 'C7 48 A3 CD 5D 44 71 44 9C C9 E9 88 52 51 C5 56'
const LOCATOR = '2D 5F D3 A8 0B B3 4D 45 AB F7 D3 D8 48 34 AB 0C'
const VHDX_LOCATOR = 'B7 EF 4A B0 9E D1 81 4A B7 89 25 B8 E9 44 59 13'
const LINKAGE = '00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF'
const LINKAGE_TEXT = '{33221100-5544-7766-8899-aabbccddeeff}'

const utf16 = (text: string): string => Buffer.from(text, 'utf16le').toString('hex')
const u32 = (n: number): string => Buffer.from(Uint32Array.of(n).buffer).toString('hex')
const u64 = (n: number | bigint): string => Buffer.from(BigUint64Array.of(BigInt(n)).buffer).toString('hex')

interface Typed {
  readonly sectorSize: 512 | 4096
  readonly hasParent: boolean
  readonly logGuid?: string
}

/** An image of 4 MiB with blocks of 1 MiB: log at 1 MiB, metadata at 2, BAT at 3. */
function typedImage({ sectorSize, hasParent, logGuid }: Typed): MemoryStore {
  const store = memoryStore({ size: 6 * MB })
  put(store, 0, `76 68 64 78 66 69 6C 65 ${utf16('typed by hand')}`)
  const zeros = '00'.repeat(16)
  // Signature, checksum, sequence 7, FileWriteGuid, DataWriteGuid, LogGuid, log version 0, version 1, log of 1 MiB at 1 MiB.
  put(
    store,
    64 * 1024,
    `68656164 00000000 ${u64(7)} ${zeros} ${LINKAGE} ${logGuid ?? zeros} 0000 0100 ${u32(MB)} ${u64(MB)}`,
    4096,
  )
  put(store, 128 * 1024, `68656164 00000000 ${u64(6)} ${zeros} ${zeros} ${zeros} 0000 0100 ${u32(MB)} ${u64(MB)}`, 4096)
  for (const place of [192 * 1024, 256 * 1024]) {
    put(
      store,
      place,
      `72656769 00000000 ${u32(2)} 00000000 ${BAT} ${u64(3 * MB)} ${u32(MB)} ${u32(1)} ${METADATA} ${u64(2 * MB)} ${u32(MB)} ${u32(1)}`,
      65536,
    )
  }
  const keys = [
    ['parent_linkage', LINKAGE_TEXT],
    ['relative_path', '..\\base.vhdx'],
  ] as const
  let text = ''
  let entries = ''
  let offset = 20 + 12 * keys.length
  for (const [key, value] of keys) {
    entries +=
      u32(offset) +
      u32(offset + key.length * 2) +
      Buffer.from(Uint16Array.of(key.length * 2, value.length * 2).buffer).toString('hex')
    text += utf16(key) + utf16(value)
    offset += (key.length + value.length) * 2
  }
  const locator = `${VHDX_LOCATOR} 0000 0200 ${entries} ${text}`
  const entry = (id: string, from: number, length: number, flags: number): string =>
    `${id} ${u32(from)} ${u32(length)} ${u32(flags)} 00000000`
  const K64 = 65536
  put(
    store,
    2 * MB,
    `6D65746164617461 0000 ${hasParent ? '0600' : '0500'} ${'00'.repeat(20)}` +
      entry(FILE_PARAMETERS, K64, 8, 4) +
      entry(DISK_SIZE, K64 + 8, 8, 6) +
      entry(DISK_ID, K64 + 16, 16, 6) +
      entry(LOGICAL, K64 + 32, 4, 6) +
      entry(PHYSICAL, K64 + 36, 4, 6) +
      (hasParent ? entry(LOCATOR, K64 + 100, hex(locator).length, 4) : ''),
  )
  put(
    store,
    2 * MB + K64,
    `${u32(MB)} ${u32(hasParent ? 2 : 0)} ${u64(4 * MB)} 0F0E0D0C0B0A09080706050403020100 ${u32(sectorSize)} ${u32(4096)}`,
  )
  if (hasParent) put(store, 2 * MB + K64 + 100, locator)
  return store
}

describe('VHDX typed from the document', () => {
  it('a dynamic image: block 1 present at 5 MiB, block 2 ZERO, the rest absent', () => {
    const store = typedImage({ sectorSize: 512, hasParent: false })
    // State 6 and 5 MiB: 0x0000000000500006; state 2.
    put(store, 3 * MB + 8, '06 00 50 00 00 00 00 00 02 00 00 00 00 00 00 00')
    const data = pattern(512, 1)
    store.write(5 * MB + 3 * 512, data)
    const disk = openVhdx(store, { readOnly: true })
    expect(disk.sectors).toBe(8192)
    expect(disk.physicalSectorSize).toBe(4096)
    expect(disk.identity).toEqual(hex('0F0E0D0C0B0A09080706050403020100'))
    expect(disk.linkage).toEqual(hex(LINKAGE))
    expect(readSectors(disk, 2048 + 3, 1)).toEqual(data)
    expect(readSectors(disk, 3, 1)).toEqual(new Uint8Array(512))
  })

  it.each([512, 4096] as const)(
    'a differencing image with sectors of %i: bits of the sector bitmap, least significant first',
    (sectorSize) => {
      const store = typedImage({ sectorSize, hasParent: true })
      const perBlock = MB / sectorSize
      // Chunk ratio 2^23 * sector / 1 MiB: 4096 or 32768; the bitmap's entry follows that many payload entries.
      const ratio = sectorSize === 512 ? 4096 : 32768
      store.truncate(8 * MB)
      put(store, 3 * MB + 8, '07 00 60 00 00 00 00 00')
      put(store, 3 * MB + ratio * 8, '06 00 70 00 00 00 00 00')
      // Block 1 of the chunk: its bits start at bit perBlock. Sectors 0 and 10 of the block: bytes 0x01 and 0x04.
      put(store, 7 * MB + perBlock / 8, '01 04')
      const own = pattern(sectorSize, 5)
      store.write(6 * MB, own)
      store.write(6 * MB + 10 * sectorSize, own)
      const parent = memoryDisk('4M', { sectorSize })
      const theirs = pattern(sectorSize, 6)
      for (let sector = 0; sector < parent.sectors; sector++) parent.write(sector, [theirs])
      let asked: string | undefined
      const open = (): BlockDevice =>
        openVhdx(store, {
          readOnly: true,
          parent: ({ relative, linkages }) => {
            asked = `${relative} ${Buffer.from(linkages[0] as Uint8Array).toString('hex')}`
            return parent
          },
        })
      if (ratio * 8 + 8 > MB) throw new Error('the vector needs a larger BAT')
      const disk = open()
      expect(asked).toBe(`..\\base.vhdx ${Buffer.from(hex(LINKAGE)).toString('hex')}`)
      for (const sector of [0, 1, 9, 10, 11]) {
        expect(readSectors(disk, perBlock + sector, 1)).toEqual(sector === 0 || sector === 10 ? own : theirs)
      }
    },
  )

  it('a log entry with a data and a zero descriptor is replayed, in memory when read-only', () => {
    const logGuid = 'A0A1A2A3A4A5A6A7A8A9AAABACADAEAF'
    const store = typedImage({ sectorSize: 512, hasParent: false, logGuid })
    put(store, 3 * MB, 'FF'.repeat(4096))
    put(store, 5 * MB, 'EE'.repeat(8192))
    // Entry at 8 KiB of the log: one descriptor sector, one data sector; tail is itself; sequence 0x100000002.
    const sequence = 0x100000002n
    const page = new Uint8Array(4096)
    page.set(hex('06 00 50 00 00 00 00 00'))
    page.set(hex('00 00 00 00'), 4092)
    const entry = new Uint8Array(8192)
    entry.set(
      hex(
        `6C6F6765 00000000 ${u32(8192)} ${u32(8192)} ${u64(sequence)} ${u32(2)} 00000000 ${logGuid} ${u64(6 * MB)} ${u64(7 * MB)}`,
      ),
    )
    entry.set(hex(`64657363 00000000 0600500000000000 ${u64(3 * MB)} ${u64(sequence)}`), 64)
    entry.set(hex(`7A65726F 00000000 ${u64(4096)} ${u64(5 * MB + 4096)} ${u64(sequence)}`), 96)
    entry.set(hex(`64617461 01000000`), 4096)
    entry.set(hex('02000000'), 8188)
    new DataView(entry.buffer).setUint32(4, crc32cByBits(entry), true)
    store.write(MB + 8192, entry)
    const before = store.bytes()
    const reader = openVhdx(store, { readOnly: true })
    expect(readSectors(reader, 0, 1)).toEqual(new Uint8Array(512).fill(0xee))
    expect(readSectors(reader, 8, 1)).toEqual(new Uint8Array(512))
    reader.close()
    expect(Buffer.compare(store.bytes(), before)).toBe(0)
    const writer = openVhdx(store)
    expect(readSectors(writer, 0, 1)).toEqual(new Uint8Array(512).fill(0xee))
    writer.close()
    expect(store.size).toBe(7 * MB)
    expect(at(store, 3 * MB, 16)).toEqual(hex('0600500000000000 0000000000000000'))
    // LogGuid of the current header is zeros now.
    const places = [64 * 1024, 128 * 1024].map((place) => at(store, place, 80))
    const current = places.sort((a, b) =>
      Number(new DataView(b.buffer).getBigUint64(8, true) - new DataView(a.buffer).getBigUint64(8, true)),
    )[0] as Uint8Array
    expect(current.subarray(48, 64)).toEqual(new Uint8Array(16))
  })

  it('an image of ours has the structures where the document puts them', () => {
    const store = memoryStore()
    const disk = createVhdx(store, { size: '4M', blockSize: MB, sectorSize: 4096 })
    disk.write(256, [pattern(4096, 1)])
    disk.close()
    expect(at(store, 0, 8)).toEqual(hex('76 68 64 78 66 69 6C 65'))
    for (const place of [64 * 1024, 128 * 1024]) {
      const header = at(store, place, 4096)
      const checksum = new DataView(header.buffer).getUint32(4, true)
      header.fill(0, 4, 8)
      expect(header.subarray(0, 4)).toEqual(hex('68656164'))
      expect(checksum).toBe(crc32cByBits(header))
      expect(header.subarray(64, 80)).toEqual(hex(`0000 0100 ${u32(MB)} ${u64(MB)}`))
    }
    const regions = at(store, 192 * 1024, 80)
    expect(regions.subarray(16, 32)).toEqual(hex(BAT))
    expect(regions.subarray(48, 64)).toEqual(hex(METADATA))
    const metadata = Number(new DataView(regions.buffer).getBigUint64(64, true))
    expect(at(store, metadata, 8)).toEqual(new TextEncoder().encode('metadata'))
    expect(
      [FILE_PARAMETERS, DISK_SIZE, DISK_ID, LOGICAL, PHYSICAL].map((id) =>
        Buffer.from(at(store, metadata, 512)).includes(Buffer.from(hex(id))),
      ),
    ).toEqual([true, true, true, true, true])
    const bat = Number(new DataView(regions.buffer).getBigUint64(32, true))
    const second = new DataView(at(store, bat + 8, 8).buffer).getBigUint64(0, true)
    expect(second & 7n).toBe(6n)
    expect(at(store, Number(second >> 20n) * MB, 4096)).toEqual(pattern(4096, 1))
  })
})
