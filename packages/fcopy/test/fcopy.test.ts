import { icVersion, type IcVersions } from '@vmbus/ic'
import {
  fcopy,
  type CopyRequest,
  type CopyResult,
  type FcopyGuest,
  type FcopyGuestOptions,
  type FcopyHost,
  type FileSystem,
} from '@vmbus/fcopy'
import { FCOPY_INSTANCE, FCOPY_INTERFACE } from '@vmbus/fcopy/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES, rawDriver } from '@vmbus/testbench'
import { disk } from './disk.ts'

const MODES = INTERRUPT_MODES.flatMap((interrupts) =>
  (['never', 'each step'] as const).map((save) => [interrupts, save] as const),
)

describe.each(MODES)('interrupts %s, saved %s', (interrupts, save) => {
  const world = worlds(interrupts, save)

  const E_FAIL = 0x80004005
  const E_INVALIDARG = 0x80070057
  const EXISTS = 0x80070050
  const FULL = 0x80070070
  const contents = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff)

  function pair(bytes: Uint8Array, guest: Partial<FcopyGuestOptions> = {}, capacity = Infinity, settings?: IcVersions) {
    const { files, os } = disk(capacity)
    /** What happens while the host reads a block: under way, whenever interrupts come. */
    const meanwhile: { block?: (offset: number) => void } = {}
    const source = {
      read(_: string, offset: number, into: Uint8Array) {
        meanwhile.block?.(offset)
        if (offset + into.length > bytes.length) return false
        into.set(bytes.subarray(offset, offset + into.length))
        return true
      },
    }
    const spec = fcopy.driver({ files: os, ...guest })
    let driver: FcopyGuest | undefined
    const made = world(
      fcopy({ source, replySeconds: 60 }),
      { ...spec, create: (deps) => (driver = spec.create(deps)) },
      settings,
    )
    made.run(1)
    return {
      made,
      files,
      meanwhile,
      host: (): FcopyHost => made.handle.device,
      guest: (): FcopyGuest => driver as unknown as FcopyGuest,
      copy(request: Partial<CopyRequest> = {}): CopyResult | string {
        const id = made.handle.device.copy({
          source: 's',
          size: bytes.length,
          path: '/in',
          name: 'file',
          ...request,
        })
        if (typeof id === 'string') return id
        made.run(1)
        const found = (made.heard('completed') as CopyResult[]).filter((each) => each.id === id)
        expect(found).toHaveLength(1)
        return found[0] as CopyResult
      },
    }
  }

  /** One packet an interrupt, so that a copy takes as many steps as it has messages. */
  const STEPWISE = { perSignal: 'one' } as const

  describe('a file', () => {
    it.each([0, 1, 6143, 6144, 6145, 100_000])('of %i bytes arrives as it is', (size) => {
      const bytes = contents(size)
      const { copy, files, made } = pair(bytes)
      expect(copy()).toEqual({ id: 1, outcome: 'ok', status: 0, sent: size })
      expect([...files.keys()]).toEqual(['/in/file'])
      expect(Buffer.compare(files.get('/in/file') ?? new Uint8Array(0), bytes)).toBe(0)
      expect(made.heard('received', 'guest')).toEqual([{ path: '/in/file', size }])
      const progress = made.heard('progress') as { sent: number }[]
      expect(progress.at(-1)?.sent).toBe(size === 0 ? undefined : size)
    })

    it('keeps its name: one unit, 255 units, not ASCII, outside the basic plane', () => {
      const { copy, files } = pair(contents(3))
      for (const name of ['x', 'n'.repeat(255), 'größe €.txt', '𝔘𝔫𝔦'])
        expect(copy({ name })).toMatchObject({ outcome: 'ok' })
      expect([...files.keys()]).toEqual(['/in/x', `/in/${'n'.repeat(255)}`, '/in/größe €.txt', '/in/𝔘𝔫𝔦'])
    })

    it('that is there stays, unless it may be overwritten', () => {
      const { copy, files } = pair(contents(10))
      files.set('/in/file', contents(3))
      expect(copy()).toMatchObject({ outcome: 'failed', status: EXISTS, sent: 0 })
      expect(files.get('/in/file')).toHaveLength(3)
      expect(copy({ overwrite: true })).toMatchObject({ outcome: 'ok' })
      expect(files.get('/in/file')).toEqual(contents(10))
    })

    it('goes into a folder that is made for it, when asked', () => {
      const { copy, files } = pair(contents(10))
      expect(copy({ path: '/new/deep' })).toMatchObject({ outcome: 'failed', status: E_FAIL })
      expect(copy({ path: '/new/deep', createPath: true })).toMatchObject({ outcome: 'ok' })
      expect([...files.keys()]).toEqual(['/new/deep/file'])
    })

    it('that does not fit leaves nothing, and an older one of its name stays', () => {
      const { copy, files } = pair(contents(20_000), {}, 10_000)
      files.set('/in/file', contents(3))
      expect(copy({ overwrite: true })).toMatchObject({ outcome: 'failed', status: FULL, sent: 6144 })
      expect([...files]).toEqual([['/in/file', contents(3)]])
    })

    it('whose source ends early is cancelled in the guest', () => {
      const { copy, files } = pair(contents(7000))
      expect(copy({ size: 20_000 })).toMatchObject({ outcome: 'source-failed', sent: 6144 })
      expect([...files]).toEqual([])
      expect(copy({ size: 7000 })).toMatchObject({ outcome: 'ok' })
    })

    it('may be cancelled under way', () => {
      const { host, made, files, meanwhile } = pair(contents(600_000), STEPWISE)
      const said: unknown[] = []
      meanwhile.block = (offset) => {
        if (offset === 3 * 6144)
          said.push(host().cancel(), host().copy({ source: 's', size: 1, path: '/in', name: 'b' }))
      }
      host().copy({ source: 's', size: 600_000, path: '/in', name: 'file' })
      made.run(1)
      expect(said).toEqual([true, 'busy'])
      const [result] = made.heard('completed') as CopyResult[]
      expect(result).toMatchObject({ id: 1, outcome: 'cancelled' })
      expect(result?.sent).toBeLessThan(600_000)
      expect([...files]).toEqual([])
      expect(host().cancel()).toBe(false)
    })
  })

  /** A copy of what a save holds, with what each end counts of a copy under way changed. */
  function changed(saved: unknown, counts: Readonly<Record<string, number>>): unknown {
    if (typeof saved !== 'object' || saved === null || saved instanceof Uint8Array) return saved
    if (Array.isArray(saved)) return saved.map((each) => changed(each, counts))
    return Object.fromEntries(
      Object.entries(saved).map(([key, value]) => [
        key,
        typeof value === 'number' ? (counts[key] ?? value) : changed(value, counts),
      ]),
    )
  }

  it('a file of more than 4 GiB goes on at offsets of more than 32 bits', () => {
    const size = 2 ** 32 + 3000
    const read: number[] = []
    const written: [offset: number, length: number, first: number][] = []
    const files: FileSystem = {
      ...disk().os,
      create: () => 0,
      write: (_, offset, bytes) => (written.push([offset, bytes.length, bytes[0] ?? 0]), 0),
      rename: () => 0,
    }
    const source = {
      read(_: string, offset: number, into: Uint8Array) {
        read.push(offset)
        into.fill(read.length)
        return true
      },
    }
    // Deferred in either case: a save under way needs a moment between two steps.
    const made = worlds('deferred')(fcopy({ source }), fcopy.driver({ files, ...STEPWISE }))
    made.run(1)
    made.handle.device.copy({ source: 's', size, path: '/in', name: 'file' })
    while (written.length === 0) expect(made.step()).toBe(true)
    // The first block is confirmed, the second on its way. Both ends are moved on: the third lies beyond 4 GiB.
    made.restore(
      changed(made.save(), { sent: 6144 * 699_050, received: 6144 * 699_051 }) as ReturnType<typeof made.save>,
    )
    made.run(1)
    // 2^32 is 699050 blocks and 4096 bytes.
    expect(written).toEqual([
      [0, 6144, 1],
      [6144, 6144, 2],
      [4_294_969_344, 952, 3],
    ])
    expect(read).toEqual([0, 6144, 4_294_969_344])
    expect(made.heard('completed')).toEqual([{ id: 1, outcome: 'ok', status: 0, sent: 4_294_970_296 }])
    // START: the size in 64 bits; the third block: its offset.
    const [, start, , , third] = made.messages.filter(({ to }) => to === 'guest').map(({ bytes }) => Buffer.from(bytes))
    expect(start?.subarray(28 + 1080, 28 + 1088).toString('hex')).toBe('b80b000001000000')
    expect(third?.subarray(28 + 40, 28 + 48).toString('hex')).toBe('0008000001000000')
  })

  describe('names that lead elsewhere', () => {
    it('are refused by the host when they are no names', () => {
      const { copy } = pair(contents(1))
      for (const wrong of [
        { name: '' },
        { name: 'a/b' },
        { name: 'a\\b' },
        { name: 'a\0' },
        { name: 'n'.repeat(260) },
        { path: 'p'.repeat(260) },
        { size: -1 },
        { size: 2 ** 53 },
      ])
        expect(copy(wrong)).toBe('invalid-parameter')
    })

    it.each([
      ['/', '/in/../etc', 'file'],
      ['/', '..', 'file'],
      ['/', '/in', '..'],
      ['/', '/in', '.'],
      ['\\', 'C:\\in\\..\\x', 'file'],
      ['\\', 'C:/in/../x', 'file'],
      ['\\', 'C:\\in', 'file:stream'],
      ['\\', 'C:\\in', 'NUL.txt'],
      ['\\', 'C:\\in', 'nul .txt'],
      ['\\', 'C:\\in', 'LPT¹'],
      ['\\', 'C:\\in', 'conin$'],
      ['\\', 'C:\\in', '.. '],
      ['\\', 'C:\\in', 'file.'],
      ['\\', 'C:\\in', 'file '],
      ['\\', 'C:\\in\\.. \\x', 'file'],
      ['\\', 'C:\\in\\...\\x', 'file'],
    ] as const)('are refused by the guest: %s %s %s', (separator, path, name) => {
      const { copy, files } = pair(contents(1), { separator })
      expect(copy({ path, name, createPath: true })).toMatchObject({ outcome: 'failed', status: E_INVALIDARG })
      expect([...files]).toEqual([])
    })

    it('are followed by Linux’s daemon, which also writes in place', () => {
      const { copy, files } = pair(contents(20_000), { quirks: ['trusts-names', 'in-place', 'trusts-offsets'] }, 10_000)
      expect(copy({ path: '/in/..', createPath: true, size: 4 })).toMatchObject({ outcome: 'ok' })
      expect([...files.keys()]).toEqual(['/in/../file'])
      files.set('/in/file', contents(3))
      expect(copy({ overwrite: true })).toMatchObject({ outcome: 'failed', status: FULL })
      expect(files.has('/in/file')).toBe(false)
    })
  })

  describe('a copy', () => {
    it('ends when the guest has no daemon, loses it, agrees on no version or goes away', () => {
      const without = pair(contents(10), { daemon: false })
      expect(without.copy()).toMatchObject({ outcome: 'failed', status: E_FAIL })
      const refused = pair(contents(10), { versions: { framework: [icVersion(3, 0)], message: [icVersion(2, 0)] } })
      expect(refused.copy()).toBe('not-connected')
      const lost = pair(contents(600_000), STEPWISE)
      lost.meanwhile.block = (offset) => offset === 3 * 6144 && lost.guest().setDaemon(false)
      lost.host().copy({ source: 's', size: 600_000, path: '/in', name: 'file' })
      lost.made.run(1)
      expect(lost.made.heard('completed')).toMatchObject([{ outcome: 'failed', status: E_FAIL }])
      expect([...lost.files]).toEqual([])
      const gone = pair(contents(600_000), STEPWISE)
      gone.meanwhile.block = (offset) => offset === 3 * 6144 && gone.made.handle.rescind()
      gone.host().copy({ source: 's', size: 600_000, path: '/in', name: 'file' })
      gone.made.run(1)
      expect(gone.made.heard('completed')).toMatchObject([{ outcome: 'closed' }])
      expect([...gone.files]).toEqual([])
    })

    it('of any bytes is the same after saves at any step', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 30_000 }), fc.array(fc.nat(40), { maxLength: 4 }), (bytes, saves) => {
          const { made, host, files } = pair(bytes, STEPWISE)
          host().copy({ source: 's', size: bytes.length, path: '/in', name: 'file' })
          for (const steps of saves) {
            for (let i = 0; i < steps; i++) made.step()
            made.restore(made.save())
          }
          made.run(1)
          expect(made.heard('completed')).toEqual([{ id: 1, outcome: 'ok', status: 0, sent: bytes.length }])
          expect([...files.keys()]).toEqual(['/in/file'])
          expect(Buffer.compare(files.get('/in/file') ?? new Uint8Array(0), bytes)).toBe(0)
        }),
        { seed: 21, numRuns: 30 },
      )
    })
  })

  const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))

  describe('on the wire', () => {
    it('are start, data, complete: typed from wire/06 §1 and §8', () => {
      const { made, host } = pair(Uint8Array.from([0xaa, 0xbb, 0xcc]))
      host().copy({ source: 's', size: 3, path: '/ä', name: 'f', overwrite: true, createPath: true })
      made.run(1)
      const [, start, data] = made.messages.filter(({ to }) => to === 'guest').map(({ bytes }) => bytes)
      const expectedStart = new Uint8Array(1120)
      expectedStart.set(bytesOf('01000000 54040000 03000000 0700 01000100 4004 00000000 00 03 0000 00000000'))
      expectedStart.set(bytesOf('6600'), 28 + 36)
      expectedStart.set(bytesOf('2f00 e400'), 28 + 556)
      expectedStart.set(bytesOf('03000000 0300000000000000'), 28 + 1076)
      expect(Buffer.from(start ?? []).equals(expectedStart)).toBe(true)
      const expectedData = new Uint8Array(6224)
      expectedData.set(bytesOf('01000000 48180000 03000000 0700 01000100 3418 00000000 00 03 0000 01000000'))
      expectedData.set(bytesOf('00000000 0000000000000000 03000000 aabbcc'), 28 + 36)
      expect(Buffer.from(data ?? []).equals(expectedData)).toBe(true)
      expect(made.heard('completed')).toMatchObject([{ outcome: 'ok', sent: 3 }])
    })
  })

  const word = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]

  type Message =
    | {
        readonly op: number
        readonly name: string
        readonly path: string
        readonly flags: number
        readonly size: number
      }
    | { readonly op: number; readonly offset: number; readonly high: number; readonly length: number }
    | { readonly op: number }

  it('a hostile host writes no byte outside of the file it began, and leaves no half of one under its name', () => {
    let whole = 0
    const negotiation = requestOf(0, 0, bytesOf('0100 0100 00000000 03000000 01000100'))
    const start = fc.record({
      op: fc.constant(0),
      name: fc.constantFrom('a', 'a', 'b', '..', 'x/y', ''),
      path: fc.constantFrom('/in', '/in', '/in', '/in/..', 'nowhere'),
      flags: fc.nat(3),
      size: fc.constantFrom(0, 10, 10, 6144, 6154),
    })
    const data = fc.record({
      op: fc.constant(1),
      offset: fc.constantFrom(0, 0, 0, 1, 6144, 12_288, 0xffff_ffff),
      high: fc.constantFrom(0, 0, 0, 0, 1, 0x8000_0000),
      length: fc.constantFrom(10, 10, 6144, 6145, 0xffff_ffff),
    })
    const end = fc.record({ op: fc.constantFrom(2, 2, 2, 3, 4, 0xffff_ffff) })
    const right = fc
      .tuple(fc.constantFrom('a', 'b'), fc.constantFrom(10, 6144))
      .map(([name, size]): Message[] => [
        { op: 0, name, path: '/in', flags: 1, size },
        { op: 1, offset: 0, high: 0, length: size },
        { op: 2 },
      ])
    const three: fc.Arbitrary<Message[]> = fc.tuple(start, data, end)
    const single: fc.Arbitrary<Message[]> = fc.tuple(fc.oneof(start, data, end))
    const messages = fc
      .array(fc.oneof(right, three, single), { minLength: 1, maxLength: 8 })
      .map((flows) => flows.flat())
    const cuts = fc.array(fc.constantFrom(0, 0, 0, 0, 0, 20, 6000), { minLength: 24, maxLength: 24 })
    fc.assert(
      fc.property(messages, cuts, (list, cut) => {
        const { files, os } = disk()
        const sent = list.map((each, i) => {
          const body = new Uint8Array(each.op === 0 ? 1088 : each.op === 1 ? 6196 : 36)
          body.set(word(each.op))
          if ('name' in each) {
            body.set(Buffer.from(each.name, 'utf16le'), 36)
            body.set(Buffer.from(each.path, 'utf16le'), 556)
            body.set([...word(each.flags), ...word(each.size)], 1076)
          }
          if ('offset' in each) body.set([...word(each.offset), ...word(each.high), ...word(each.length)], 40)
          return requestOf(7, icVersion(1, 1), body.subarray(0, Math.max(0, body.length - (cut[i] ?? 0))))
        })
        const made = world(
          rawComponent(FCOPY_INTERFACE, FCOPY_INSTANCE, [negotiation, ...sent]),
          fcopy.driver({ files: os }),
        )
        made.run(1)
        made.handle.rescind()
        made.run(1)
        for (const [path, bytes] of files) {
          expect(path).toMatch(/^(?:\/in|nowhere)\/[ab]$/)
          expect([0, 10, 6144, 6154]).toContain(bytes.length)
          whole++
        }
      }),
      { seed: 22, numRuns: 60 },
    )
    expect(whole).toBeGreaterThan(20)
  })

  it('a hostile guest ends each copy once, in bounded time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.uint8Array({ maxLength: 40 })), { minLength: 1, maxLength: 8 }),
        (answers) => {
          let turn = -1
          const driver = rawDriver(FCOPY_INTERFACE, (request) => {
            const answer = request.slice()
            answer[25] = 5
            if (turn++ < 0) {
              answer.set([1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 1, 0], 28)
              return [answer]
            }
            const [how, noise] = answers[(turn - 1) % answers.length] ?? [0, new Uint8Array(1)]
            if (how === 0) return []
            if (how === 1) return [Uint8Array.from([...noise, 0])]
            if (how === 2) return [answer, answer]
            if (how === 3) answer.set(noise.subarray(0, 24), 4)
            return [answer]
          })
          const made = world(fcopy({ source: { read: () => true }, replySeconds: 1 }), driver)
          made.run(1)
          const host = made.handle.device
          expect(host.copy({ source: 's', size: 20_000, path: '/', name: 'f' })).toBe(1)
          made.run(20)
          expect(made.heard('completed')).toHaveLength(1)
          made.handle.rescind()
          made.run(1)
          expect(made.heard('completed')).toHaveLength(1)
        },
      ),
      { seed: 23, numRuns: 60 },
    )
  })
})
