import { describe, expect, it } from 'vitest'
import { createVhd, memoryDisk, memoryStore, openVhd, type MemoryStore } from '@vmbus/disk'
import { pattern, readSectors } from './support.ts'

/** Structure vectors typed by hand from the Virtual Hard Disk Image Format Specification 1.0; all numbers big endian. */
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/[^0-9a-f]/gi, ''), 'hex'))

/** One's complement of the sum of the bytes, put at `at`. */
function seal(bytes: Uint8Array, at: number): Uint8Array {
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  new DataView(bytes.buffer).setUint32(at, ~sum >>> 0)
  return bytes
}

const ID = '00112233445566778899AABBCCDDEEFF'
const PARENT_ID = 'F0E0D0C0B0A090807060504030201000'

/** A footer for 8 MiB: "conectix", features 2, version 1.0, "vpc ", "Wi2k", geometry 240/4/17, type 2 to 4. */
function footer(type: 2 | 3 | 4): Uint8Array {
  const bytes = new Uint8Array(512)
  const offset = type === 2 ? 'FFFFFFFFFFFFFFFF' : '0000000000000200'
  bytes.set(
    hex(
      `636F6E6563746978 00000002 00010000 ${offset} 12345678 76706320 00050000 5769326B 0000000000800000 0000000000800000 00F00411 0000000${type} 00000000 ${ID} 00`,
    ),
  )
  return seal(bytes, 64)
}

/** 8 MiB in four blocks of 2 MiB; block 1 at sector 8: bitmap of one sector, then data. */
function sparse(type: 3 | 4, firstBits: string): { store: MemoryStore; data: Uint8Array } {
  const store = memoryStore()
  const header = new Uint8Array(1024)
  header.set(
    hex(
      `6378737061727365 FFFFFFFFFFFFFFFF 0000000000000600 00010000 00000004 00200000 00000000 ${type === 4 ? PARENT_ID : '00'.repeat(16)}`,
    ),
  )
  if (type === 4) {
    header.set(hex('0062006100730065002E007600680064'), 64)
    // Parent locator 1: "W2ru", one sector, 20 bytes, at 0x800: ".\base.vhd" in little-endian UTF-16.
    header.set(hex('57327275 00000001 00000014 00000000 0000000000000800'), 576)
    store.write(0x800, Buffer.from('.\\base.vhd', 'utf16le'))
  }
  store.write(0, footer(type))
  store.write(512, seal(header, 36))
  store.write(1536, hex(`FFFFFFFF 00000008 FFFFFFFF FFFFFFFF ${'FF'.repeat(496)}`))
  store.write(4096, hex(firstBits))
  const data = pattern(4096, 3)
  store.write(4096 + 512, data)
  store.write(4096 + 512 + 2 ** 21, footer(type))
  return { store, data }
}

describe('VHD typed from the document', () => {
  it('fixed: the sectors and a footer', () => {
    const store = memoryStore({ size: 2 ** 23 })
    const data = pattern(512, 1)
    store.write(512 * 100, data)
    store.write(2 ** 23, footer(2))
    const disk = openVhd(store)
    expect(disk.sectors).toBe(16384)
    expect(disk.identity).toEqual(hex(ID))
    expect(readSectors(disk, 100, 1)).toEqual(data)
  })

  it('dynamic: blocks by the table; a damaged footer is made good by the copy at the start', () => {
    const { store, data } = sparse(3, 'FF'.repeat(512))
    for (const damage of [false, true]) {
      if (damage) store.write(store.size - 512, new Uint8Array(512))
      const disk = openVhd(store)
      expect(disk.sectors).toBe(16384)
      expect(readSectors(disk, 4096, 8)).toEqual(data)
      expect(readSectors(disk, 0, 1)).toEqual(new Uint8Array(512))
      disk.close()
    }
    expect(store.bytes().subarray(-512)).toEqual(footer(3))
  })

  it('dynamic: a copy at the start that is damaged or torn is made good by the footer at the end', () => {
    for (const damage of [hex('00'), seal(footer(3).fill(1, 40, 48), 64)]) {
      const { store } = sparse(3, 'FF'.repeat(512))
      store.write(0, damage)
      openVhd(store, { readOnly: true }).close()
      expect(store.bytes().subarray(0, damage.length)).toEqual(damage)
      openVhd(store).close()
      expect(store.bytes().subarray(0, 512)).toEqual(footer(3))
    }
  })

  it('dynamic: the data of a new block begins at a multiple of 4096 bytes, wherever the blocks before it are', () => {
    const { store } = sparse(3, 'FF'.repeat(512))
    const disk = openVhd(store)
    disk.write(0, [pattern(512, 1)])
    disk.write(8192, [pattern(512, 2)])
    disk.close()
    // Block 1 ends at 4096 + 512 + 2 MiB = 0x201200; the next places whose data is aligned are at 0x201E00 and 0x402E00.
    const table = new Uint8Array(12)
    store.read(1536, table)
    expect(table).toEqual(hex('0000100F 00000008 00002017'))
    expect([store.bytes()[0x202000], store.bytes()[0x403000]]).toEqual([pattern(1, 1)[0], pattern(1, 2)[0]])
    // One of ours: header and table end at 0x800, so the first block's data is at 0x1000.
    const own = memoryStore()
    const ours = createVhd(own, { size: '8M' })
    ours.write(0, [pattern(512, 3)])
    ours.close()
    own.read(1536, table)
    expect(table.subarray(0, 4)).toEqual(hex('00000007'))
  })

  it('fixed: above 2040 GiB, which is only the end of what a table reaches', () => {
    const bytes = footer(2)
    // 3 TiB as original and as current size.
    for (const at of [40, 48]) bytes.set(hex('0000030000000000'), at)
    bytes.fill(0, 64, 68)
    const store = memoryStore({ size: 3 * 2 ** 40 })
    store.write(3 * 2 ** 40, seal(bytes, 64))
    const disk = openVhd(store)
    expect(disk.sectors).toBe(3 * 2 ** 31)
    expect(disk.write(3 * 2 ** 31 - 1, [pattern(512, 1)])).toBe('ok')
    expect(readSectors(disk, 3 * 2 ** 31 - 1, 1)).toEqual(pattern(512, 1))
    disk.close()
  })

  it('a footer of 511 bytes, as before Virtual PC 2004', () => {
    const { store, data } = sparse(3, 'FF'.repeat(512))
    store.truncate(store.size - 1)
    const disk = openVhd(store, { readOnly: true })
    expect(readSectors(disk, 4096, 8)).toEqual(data)
  })

  it('differencing: bits of the bitmap, most significant first, and the locator', () => {
    // Sectors 0 and 6 of the block are here: bits 0x80 and 0x02.
    const { store, data } = sparse(4, '82')
    const parent = memoryDisk('8M')
    const theirs = pattern(512, 9)
    for (let sector = 4096; sector < 4104; sector++) parent.write(sector, [theirs])
    let asked = ''
    const disk = openVhd(store, {
      parent: ({ relative, name, linkages }) => {
        asked = `${relative} ${name} ${Buffer.from(linkages[0] as Uint8Array).toString('hex')}`
        return parent
      },
    })
    expect(asked).toBe(`.\\base.vhd base.vhd ${PARENT_ID.toLowerCase()}`)
    for (let sector = 0; sector < 8; sector++) {
      const own = sector === 0 || sector === 6
      expect(readSectors(disk, 4096 + sector, 1)).toEqual(
        own ? data.subarray(sector * 512, (sector + 1) * 512) : theirs,
      )
    }
    disk.write(4097, [pattern(512, 10)])
    disk.close()
    const bits = new Uint8Array(1)
    store.read(4096, bits)
    expect(bits).toEqual(hex('C2'))
  })

  it.each([
    // Worked out by hand with the document's algorithm.
    ['8M', '00F0 04 11'],
    ['1G', '0820 10 3F'],
    ['100M', '03EB 0C 11'],
    ['40G', '5050 10 FF'],
    ['200G', 'FFFF 10 FF'],
  ])('geometry of %s', (size, geometry) => {
    const store = memoryStore()
    createVhd(store, { size }).close()
    const bytes = new Uint8Array(4)
    store.read(56, bytes)
    expect(bytes).toEqual(hex(geometry))
  })

  it("a fixed image of ours has the document's footer", () => {
    const store = memoryStore()
    createVhd(store, { size: '8M', type: 'fixed', creator: 'vpc ', timestamp: 0x12345678, identity: hex(ID) }).close()
    const bytes = store.bytes().subarray(-512)
    const expected = footer(2)
    // The creator's version says nothing of the format.
    expected.set(bytes.subarray(32, 36), 32)
    expected.fill(0, 64, 68)
    expect(bytes).toEqual(seal(expected, 64))
  })
})
