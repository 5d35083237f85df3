import { faultInjectingDisk, memoryDisk, queued, type BlockStatus } from '@vmbus/disk'
import type { PageRange } from '@vmbus/core'
import { seeded } from '@vmbus/world'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RequestResult } from '../src/index.ts'
import { VSTOR_VERSIONS } from '../src/protocol/index.ts'
import { worldsOf, type World } from './world.ts'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s:', (interrupts) => {
  const world = worldsOf(interrupts)

  const SECTORS = 256
  const SECTOR = 512
  const FAULTY_FROM = 200
  const FAULTS: Record<string, [number, number]> = {
    'medium-error': [3, 0x0000],
    'no-space': [7, 0x2707],
    'read-only': [7, 0x2700],
    'out-of-range': [5, 0x2100],
  }

  interface Transfer {
    kind: 'read' | 'write'
    sector: number
    count: number
    offset: number
    fill: number
    vp: number
  }
  type Operation =
    | Transfer
    | { kind: 'flush' }
    | { kind: 'step' }
    | { kind: 'settle' }
    | { kind: 'save' }
    | { kind: 'remove' }
    | { kind: 'unmap'; sector: number; count: number }

  const operation: fc.Arbitrary<Operation> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom('read' as const, 'write' as const),
        sector: fc.nat(SECTORS - 1),
        count: fc.integer({ min: 1, max: 40 }),
        offset: fc.nat(4095),
        fill: fc.integer({ min: 1, max: 255 }),
        vp: fc.nat(3),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom<Operation>({ kind: 'flush' }, { kind: 'settle' }, { kind: 'save' }) },
    { weight: 4, arbitrary: fc.constant({ kind: 'step' as const }) },
    { weight: 1, arbitrary: fc.constant<Operation>({ kind: 'remove' }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('unmap' as const),
        sector: fc.nat(SECTORS - 8),
        count: fc.integer({ min: 1, max: 8 }),
      }),
    },
  )

  interface Waiting {
    readonly what: Operation
    readonly range: PageRange | undefined
    /** What a write writes. */
    readonly data: Uint8Array | undefined
    readonly faulty: boolean
  }

  const overlaps = (a: Operation, b: Operation): boolean =>
    'sector' in a && 'sector' in b && a.sector < b.sector + b.count && b.sector < a.sector + a.count

  const pattern = (length: number, fill: number, first: number): Uint8Array => {
    const data = new Uint8Array(length)
    for (let index = 0; index < length; index++) data[index] = index * fill + first
    return data
  }

  /** One run: the controller over a disk, against an array; requests whose sectors overlap wait for each other. */
  function run(
    operations: readonly Operation[],
    depth: number,
    ringPages: number,
    later: boolean,
    status: Exclude<BlockStatus, 'ok'>,
    { version, subchannels, vps }: { version: number; subchannels: number; vps: number },
  ): void {
    const plain = memoryDisk(SECTORS * SECTOR)
    const disk = faultInjectingDisk(plain)
    const queue = queued(disk, { seed: seeded(depth), maxDelay: 5000, depth: 6 })
    const w: World = world({
      host: { luns: [later ? queue : disk], subchannels },
      settings: { versions: [version] },
      guest: { behaviour: { depth, ringPages } },
      vps,
      pages: 768,
    })
    disk.inject({ sector: FAULTY_FROM, count: SECTORS - FAULTY_FROM, status })
    const model = new Uint8Array(SECTORS * SECTOR)
    /** Sectors whose contents an error, or an unmap, has left open. */
    const unknown = new Set<number>()
    const waiting = new Map<number, Waiting>()
    let checked = 0
    let removing = false

    const checkSectors = (got: Uint8Array, first: number): void => {
      for (let at = 0; at < got.length; at += SECTOR) {
        const sector = first + at / SECTOR
        if (unknown.has(sector)) continue
        const wanted = model.subarray(sector * SECTOR, (sector + 1) * SECTOR)
        // `expect` costs more than all else that is done for a sector.
        if (Buffer.compare(got.subarray(at, at + SECTOR), wanted) !== 0)
          throw new Error(`sector ${sector} is not as it was written`)
      }
    }

    const judge = (id: number, result: RequestResult): void => {
      const request = waiting.get(id)
      if (request === undefined) throw new Error(`request ${id} ended twice, or never was`)
      waiting.delete(id)
      const { what, range, data } = request
      if (removing && result.outcome !== 'good') {
        // Whether the disk has seen it nobody knows.
        if (what.kind === 'write' || what.kind === 'unmap')
          for (let index = 0; index < what.count; index++) unknown.add(what.sector + index)
        if (range !== undefined) w.free(range)
        return
      }
      const past = 'sector' in what && what.sector + what.count > SECTORS
      if (past) expect(result.sense).toEqual({ key: 5, asc: 0x2100 })
      else if (request.faulty) {
        // No failure of the disk is ever a success.
        const [key, asc] = FAULTS[status] ?? [0, 0]
        expect([result.outcome, result.sense]).toEqual(['check-condition', { key, asc }])
      } else expect(result.outcome).toBe('good')
      if (what.kind === 'read' && range !== undefined && result.outcome === 'good') {
        expect(result.transferred).toBe(range.byteCount)
        checkSectors(w.get(range), what.sector)
      }
      if (what.kind === 'write' && data !== undefined && result.outcome === 'good') {
        model.set(data, what.sector * SECTOR)
        for (let index = 0; index < what.count; index++) unknown.delete(what.sector + index)
      }
      if (what.kind === 'unmap') for (let index = 0; index < what.count; index++) unknown.add(what.sector + index)
      if (range !== undefined) w.free(range)
    }
    const collect = (): void => {
      for (; checked < w.ends.length; checked++) {
        const end = w.ends[checked]
        if (end !== undefined) judge(end.id, end.result)
      }
    }
    const settle = (): void => {
      w.settle()
      collect()
      expect(waiting.size).toBe(0)
    }

    const available = w.available
    for (const what of operations) {
      if (what.kind === 'step') w.step()
      else if (what.kind === 'settle') settle()
      else if (what.kind === 'remove') {
        collect()
        removing = true
        w.handle.rescind()
        settle()
        removing = false
        w.offer()
        w.settle()
      } else if (what.kind === 'save') {
        const state = w.save()
        const backend = queue.save()
        // The memory disk is the same object; a queue's completions are part of the backend's state.
        w.restore(state)
        queue.restore(backend)
        const again = w.save()
        // `toEqual` costs far more, and says where they differ.
        if (!isDeepStrictEqual(again, state)) expect(again).toEqual(state)
      } else {
        if ([...waiting.values()].some((each) => overlaps(each.what, what))) settle()
        const bad = 'sector' in what && what.sector + what.count > FAULTY_FROM
        if (what.kind === 'flush')
          waiting.set(w.driver.flush({}), { what, range: undefined, data: undefined, faulty: true })
        else if (what.kind === 'unmap')
          waiting.set(w.driver.unmap({}, [what]), { what, range: undefined, data: undefined, faulty: bad })
        else {
          const range = w.allocate(what.count * SECTOR, what.offset)
          const data = pattern(range.byteCount, what.fill, what.sector)
          if (what.kind === 'write') w.put(range, data)
          const cdb = [
            what.kind === 'write' ? 0x2a : 0x28,
            0,
            0,
            0,
            what.sector >>> 8,
            what.sector & 0xff,
            0,
            0,
            what.count,
            0,
          ]
          const id = w.driver.submit({ cdb: Uint8Array.from(cdb), direction: what.kind, buffer: range, vp: what.vp })
          waiting.set(id, { what, range, data, faulty: bad })
        }
      }
      collect()
    }
    settle()
    // Resources return to where they were.
    expect([w.driver.inFlight, w.driver.waiting, w.host.inFlight]).toEqual([0, 0, 0])
    expect(w.available).toBe(available)
    const stored = new Uint8Array(FAULTY_FROM * SECTOR)
    expect(plain.read(0, [stored])).toBe('ok')
    checkSectors(stored, 0)
    // The buses tell of answers and signals that a removal overtook.
    expect(w.diagnostics.filter(({ source }) => !source.endsWith('-bus'))).toEqual([])
  }

  const deep = process.env['VMBUS_TIER'] === 'deep'
  const runs = deep ? 800 : 15

  test(
    'a disk is an array, at any depth, over any pages, with faults, delays and saved worlds',
    { timeout: deep ? 1_200_000 : 120_000 },
    () => {
      expect.hasAssertions()
      fc.assert(
        fc.property(
          // Without the size a list of at most 60 has at most 10.
          fc.array(operation, { maxLength: 60, size: 'max' }),
          fc.constantFrom(1, 3, 64),
          fc.constantFrom(2, 3, 8),
          fc.boolean(),
          fc.constantFrom('medium-error' as const, 'no-space' as const),
          fc.record({
            version: fc.constantFrom(...VSTOR_VERSIONS),
            subchannels: fc.nat(4),
            vps: fc.integer({ min: 1, max: 4 }),
          }),
          run,
        ),
        { seed: 3, numRuns: runs },
      )
    },
  )
})
