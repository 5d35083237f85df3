import { memoryDisk } from '@vmbus/disk'
import { describe, expect, test } from 'vitest'
import { worldsOf } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const world = worldsOf(interrupts)

  test('a disk is found, written, read and flushed', () => {
    const disk = memoryDisk('1M')
    const w = world({ host: { luns: [disk] } })
    expect(w.driver.phase).toBe('ready')
    expect(w.driver.version).toBe(0x0602)
    const [found] = w.driver.disks
    expect(found?.wwn).toMatch(/^60022480[0-9a-f]{24}$/)
    expect({ ...found, wwn: '' }).toEqual({
      path: 0,
      target: 0,
      lun: 0,
      deviceType: 0,
      vendor: 'Msft',
      product: 'Virtual Disk',
      revision: '1.0',
      wwn: '',
      sectors: 2048,
      sectorSize: 512,
      physicalSectorSize: 512,
      unmap: true,
      readOnly: false,
    })
    expect(w.driver.channels).toBe(4)
    const data = Uint8Array.from({ length: 10 * 512 }, (_, i) => (i * 7) & 0xff)
    const from = w.allocate(data.length, 512)
    w.put(from, data)
    expect(w.result(w.driver.write({}, 100, from))).toEqual({
      outcome: 'good',
      srbStatus: 1,
      scsiStatus: 0,
      transferred: data.length,
    })
    const stored = new Uint8Array(data.length)
    expect(disk.read(100, [stored])).toBe('ok')
    expect(stored).toEqual(data)
    const into = w.allocate(data.length, 3000)
    w.wrote.length = 0
    expect(w.result(w.driver.read({}, 100, into)).outcome).toBe('good')
    expect(w.get(into)).toEqual(data)
    // Every byte that the host put into RAM for the read was reported.
    const reported = new Set(w.wrote.flatMap(({ gpa, length }) => Array.from({ length }, (_, i) => gpa + i)))
    for (let i = 0; i < data.length; i++) {
      const at = into.byteOffset + i
      expect(reported.has((into.pfns[Math.floor(at / 4096)] ?? 0) * 4096 + (at % 4096))).toBe(true)
    }
    expect(w.result(w.driver.flush({})).outcome).toBe('good')
    expect(w.diagnostics).toEqual([])
  })

  test.each([512, 1024, 4096])('a disk with physical sectors of %i bytes is found as one', (physicalSectorSize) => {
    const w = world({ host: { luns: [{ ...memoryDisk('1M'), physicalSectorSize }] } })
    // READ CAPACITY (16) says it as a power of two of the logical ones (SBC-3, 5.16.2, byte 13).
    expect(w.driver.disks).toMatchObject([{ sectorSize: 512, physicalSectorSize }])
  })
})
