import {
  fcopy,
  type CopyResult,
  type FcopyGuest,
  type FcopyGuestOptions,
  type FcopyHost,
  type FcopyHostOptions,
  type FileSource,
} from '@vmbus/fcopy'
import { following, worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES } from '@vmbus/testbench'
import { damaged, taken } from '@vmbus/world/testing'
import { describe, expect, it } from 'vitest'
import { disk } from './disk.ts'

const MODES = INTERRUPT_MODES.flatMap((interrupts) =>
  (['never', 'each step'] as const).map((save) => [interrupts, save] as const),
)
const ZEROS: FileSource = { read: () => true }

describe.each(MODES)('interrupts %s, saved %s', (interrupts, save) => {
  function pair(host: Partial<FcopyHostOptions> = {}, guest: Partial<FcopyGuestOptions> = {}) {
    const { files, os } = disk()
    const spec = fcopy.driver({ files: os, perSignal: 'one', ...guest })
    let driver: FcopyGuest | undefined
    const device = fcopy({ source: ZEROS, ...host })
    const made = worlds(interrupts, save)(device, { ...spec, create: (deps) => (driver = spec.create(deps)) })
    made.run(1)
    return {
      made,
      files,
      host: following<FcopyHost>(() => made.handle.device),
      guest: following<FcopyGuest>(() => driver as unknown as FcopyGuest),
      results: () => made.heard('completed') as CopyResult[],
    }
  }
  const FILE = { source: 's', size: 20_000, path: '/in', name: 'file' }

  it('who is told of the end of a copy may begin the next at once', () => {
    const { made, host, files, results } = pair()
    const begun: unknown[] = []
    made.hostBus.on((event) => {
      if (event.kind !== 'device' || event.name !== 'completed' || begun.length >= 3) return
      // The second fails at once: the first has made the file.
      begun.push(host.copy({ ...FILE, name: ['file', 'b', 'c'][begun.length] ?? '' }))
    })
    expect(host.copy(FILE)).toBe(1)
    made.run(5)
    expect(begun).toEqual([2, 3, 4])
    expect(results().map(({ id, outcome }) => [id, outcome])).toEqual([
      [1, 'ok'],
      [2, 'failed'],
      [3, 'ok'],
      [4, 'ok'],
    ])
    expect([...files.keys()]).toEqual(['/in/file', '/in/b', '/in/c'])
    begun.length = 0
    made.handle.rescind()
    expect(begun).toEqual([])
  })

  it('a source that throws cannot be read: the copy ends, is cancelled in the guest, and why is told', () => {
    const source = {
      read(_: string, offset: number): boolean {
        if (offset < 6144) return true
        throw new Error('the file is gone')
      },
    }
    const { made, host, files, results } = pair({ source })
    host.copy(FILE)
    made.run(1)
    expect(results()).toEqual([{ id: 1, outcome: 'source-failed', status: 0, sent: 6144 }])
    expect([...files]).toEqual([])
    expect(made.diagnostics).toMatchObject([
      { code: 'VMBUS_FCOPY_SOURCE', message: 'the file was not read: Error: the file is gone' },
    ])
    expect(host.inspect()).toMatchObject({ stage: 'idle' })
  })

  it('a guest that left speaks no version, and has no copy under way', () => {
    const { made, host, guest, files } = pair()
    expect(guest.inspect()).toEqual({ framework: 0x3_0000, message: 0x1_0001, daemon: true })
    made.guestBus.suspend()
    made.run(1)
    expect(guest.inspect()).toMatchObject({ framework: 0, message: 0 })
    made.guestBus.resume()
    made.run(1)
    expect(host.copy(FILE)).toBe(1)
    made.run(1)
    expect([...files.keys()]).toEqual(['/in/file'])
    made.handle.rescind()
    made.run(1)
    expect(guest.inspect()).toEqual({ framework: 0, message: 0, daemon: true })
  })

  const NO_HOST: Partial<FcopyHostOptions> = {}
  it.each<[string, () => unknown]>([
    ['fcopy.source', () => fcopy({} as FcopyHostOptions)],
    ['fcopy.replySeconds', () => fcopy({ source: ZEROS, replySeconds: Number.NaN })],
    ['fcopy.replySecond', () => fcopy({ source: ZEROS, replySecond: 1 } as FcopyHostOptions)],
    ['fcopy.driver.files', () => pair(NO_HOST, { files: undefined as never })],
    ['fcopy.driver.separator', () => pair(NO_HOST, { separator: ':' as never })],
    ['fcopy.driver.quirks[0]', () => pair(NO_HOST, { quirks: ['trusts-name' as never] })],
    ['fcopy.copy.size', () => pair().host.copy({ ...FILE, size: Number.NaN })],
    ['fcopy.copy.overWrite', () => pair().host.copy({ ...FILE, overWrite: true } as never)],
    ['fcopy.copy.source', () => pair().host.copy({ ...FILE, source: undefined } as never)],
  ])('an option that is none is refused by its name: %s', (where, give) => {
    expect(give).toThrow(
      expect.objectContaining({
        code: 'VMBUS_OPTIONS_INVALID',
        message: expect.stringContaining(`${where} `) as string,
      }) as Error,
    )
  })

  it('a state of another kind, version or shape touches neither end', () => {
    let states: readonly (readonly [unknown, unknown])[] = []
    const source = {
      read(_: string, offset: number): boolean {
        if (offset === 6144) states = [[both.host.save(), both.guest.save()]]
        return true
      },
    }
    const both = pair({ source })
    both.host.copy({ ...FILE, overwrite: true, createPath: true })
    both.made.run(1)
    const [ours, theirs] = states[0] ?? []
    expect(ours).toMatchObject({ kind: 'fcopy', v: 1, id: 1, stage: 'data', sent: 6144, request: FILE, ended: false })
    expect(theirs).toMatchObject({ kind: 'fcopy-driver', v: 1, copy: { target: '/in/file', received: 6144 } })
    const again = pair()
    for (const [end, saved] of [
      [again.host, ours as object],
      [again.guest, theirs as object],
    ] as const) {
      const optional = (path: string): boolean => /\.(?:request|copy|overwrite|createPath)$/.test(path)
      const owner = { save: () => end.save(), restore: (state: unknown) => end.restore(state, []) }
      expect(taken(damaged(saved, optional), owner)).toEqual([])
      for (const wrong of [
        { ...saved, kind: 'kvp' },
        { ...saved, v: 2 },
        { ...saved, request: { ...FILE, overwrite: 1 } },
        { ...saved, copy: { target: '/x' } },
      ])
        expect(() => end.checkState?.(wrong)).toThrow(expect.objectContaining({ code: 'VMBUS_STATE_INVALID' }) as Error)
      expect(() => end.checkState?.(saved)).not.toThrow()
      end.restore(saved, [])
      expect(end.save()).toEqual(saved)
    }
  })
})
