import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MachineError, boot, guestThreads, type BootOptions, type Guest } from '../src/index.ts'
import { codeOf } from './support/errors.ts'
import { tinyGuest } from './support/tiny-guest.ts'
import type { TrackedOptions } from './support/tracked-host.ts'

let folder: string
let image: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmbus-boot-'))
  image = join(folder, 'image')
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

const module = new URL('./support/tracked-host.ts', import.meta.url)
const tracked = (more: Partial<TrackedOptions> = {}, snapshotKey?: string): Pick<BootOptions, 'host'> => ({
  host: {
    module,
    options: { log: join(folder, 'log'), image, ...more },
    ...(snapshotKey === undefined ? {} : { snapshotKey }),
  },
})
const log = (): string[] => (existsSync(join(folder, 'log')) ? lines(join(folder, 'log')) : [])
const lines = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n')
const THREADS = guestThreads()
afterAll(() => THREADS[Symbol.asyncDispose]())
const start = (options: Partial<BootOptions> = {}): Promise<Guest> =>
  boot({
    image: tinyGuest(),
    memoryMB: 32,
    cacheFolder: join(folder, 'cache'),
    threads: THREADS,
    ...tracked(),
    ...options,
  })
const HALT = [0xfa, 0xf4]

describe('what a host holds', () => {
  it('is given up when the guest ends, with its result as it was', async () => {
    await using guest = await start({ image: tinyGuest(HALT, false) })
    expect([existsSync(image), log()]).toEqual([true, ['made']])
    expect(await guest.ended({ seconds: 1 })).toBe('dead')
    expect([existsSync(image), log()]).toEqual([false, ['made', 'closed']])
    expect(await guest.result()).toMatchObject({ host: { isOpen: true } })
    await guest.stop()
    expect(log()).toEqual(['made', 'closed'])
  })

  it('is given up when the guest is stopped or leaves its scope, so that the next one has it', async () => {
    const first = await start()
    await first.stop()
    expect([existsSync(image), log()]).toEqual([false, ['made', 'closed']])
    {
      await using second = await start()
      expect(await second.call('anything', 7)).toBe(7)
    }
    expect([existsSync(image), log()]).toEqual([false, ['made', 'closed', 'made', 'closed']])
  })

  it('is given up when the boot fails', async () => {
    const notUp = start({ image: { ...tinyGuest([0xfb, 0xf4, 0xeb, 0xfd], false), agent: true }, bootSeconds: 1 })
    expect(await codeOf(() => notUp)).toBe('VMBUS_MACHINE_TIMEOUT')
    expect(log()).toEqual(['made', 'closed'])
    const noKernel = start({ image: { ...tinyGuest(), bzImage: new Uint8Array(8) } })
    expect(await codeOf(() => noKernel)).toBe('VMBUS_IMAGE_NOT_A_KERNEL')
    expect(existsSync(image)).toBe(false)
  })

  it('is told of when it cannot be given up', async () => {
    const guest = await start(tracked({ closeFails: true }))
    await expect(guest.stop()).rejects.toMatchObject({ code: 'VMBUS_TEST_FULL', message: 'the disk is full' })
    const ended = await start({ ...tracked({ closeFails: true }), image: tinyGuest(HALT, false) })
    expect(await ended.ended({ seconds: 1 })).toBe('dead')
    expect(ended.events.at(-1)).toMatchObject({
      name: 'diagnostic',
      detail: { code: 'VMBUS_MACHINE_HOST', message: 'cannot be closed: the disk is full' },
    })
    await ended.stop()
  })
})

describe('threads for several guests', () => {
  const threadOf = async (options: Partial<BootOptions>): Promise<unknown> => {
    await using guest = await start(options)
    return guest.call('thread')
  }

  it('serve one after another, each with a host of its own', async () => {
    await using threads = guestThreads()
    const first = await threadOf({ threads })
    expect(await threadOf({ threads })).toBe(first)
    expect(log()).toEqual(['made', 'closed', 'made', 'closed'])
    expect(await threadOf({})).not.toBe(first)
  })

  it('are ended when anything failed in them', async () => {
    await using threads = guestThreads()
    const first = await threadOf({ threads })
    await expect(start({ threads, host: { module, export: 'coded' } })).rejects.toThrow('the image is locked')
    const second = await threadOf({ threads })
    expect(second).not.toBe(first)
    const failing = await start({ threads, ...tracked({ closeFails: true }) })
    expect(await failing.call('thread')).toBe(second)
    await expect(failing.stop()).rejects.toThrow('the disk is full')
    expect(await threadOf({ threads })).not.toBe(second)
  })

  it('wait after a start that was refused, and no longer than they are wanted', async () => {
    const threads = guestThreads()
    const first = await threadOf({ threads })
    expect(await codeOf(() => start({ threads, host: { module, options: () => 0 } }))).toBe('VMBUS_MACHINE_OPTIONS')
    expect(await threadOf({ threads })).toBe(first)
    await threads[Symbol.asyncDispose]()
    expect(await threadOf({ threads })).not.toBe(first)
    await threads[Symbol.asyncDispose]()
    const none = guestThreads({ idle: 0 })
    expect(await threadOf({ threads: none })).not.toBe(await threadOf({ threads: none }))
  })
})

describe('an abort', () => {
  const reason = new Error('enough')
  const rejection = async (work: Promise<unknown>): Promise<unknown> => {
    const error = await work.then(
      () => 'resolved',
      (why: unknown) => why,
    )
    return error instanceof MachineError ? [error.code, error.cause === reason] : error
  }
  const stopped = ['VMBUS_MACHINE_STOPPED', true]
  /** An image that never comes up: a boot of it lasts. */
  const mute = { ...tinyGuest([0xeb, 0xfe], false), agent: true }

  it('counts before the boot', async () => {
    expect(await rejection(start({ signal: AbortSignal.abort(reason) }))).toEqual(stopped)
    expect(log()).toEqual([])
  })

  it.each([1, 300, 1200])('counts %i ms after the boot began', async (after) => {
    const controller = new AbortController()
    const booting = start({ image: mute, bootSeconds: 1e6, hangSeconds: 1e6, signal: controller.signal })
    setTimeout(() => controller.abort(reason), after)
    expect(await rejection(booting)).toEqual(stopped)
    expect([existsSync(image), log().length % 2]).toEqual([false, 0])
  })

  it('counts in the same turn in which the guest is up', async () => {
    const controller = new AbortController()
    const booting = start({
      signal: controller.signal,
      onEvent: () => controller.abort(reason),
    })
    expect(await rejection(booting)).toEqual(stopped)
    expect(existsSync(image)).toBe(false)
  })

  it('counts during a call, and after', async () => {
    const controller = new AbortController()
    const guest = await start({ image: tinyGuest([0xeb, 0xfe]), hangSeconds: 1e6, signal: controller.signal })
    const running = rejection(guest.run(1e6))
    setTimeout(() => controller.abort(reason), 50)
    expect(await running).toEqual(stopped)
    expect([existsSync(image), log()]).toEqual([false, ['made', 'closed']])
    expect(await rejection(guest.exec('true'))).toEqual(stopped)
    await guest.stop()
  })
})

describe('what a host throws', () => {
  it('keeps its name and code over the worker’s edge', async () => {
    const made = (name: string): Promise<Guest> => start({ host: { module, export: name } })
    await expect(made('coded')).rejects.toMatchObject({
      name: 'DiskError',
      code: 'VMBUS_DISK_LOCKED',
      message: 'the image is locked',
    })
    expect(await codeOf(() => made('uncoded'))).toBe('VMBUS_MACHINE_HOST')
    await using guest = await start()
    await expect(guest.call('coded')).rejects.toMatchObject({ name: 'RangeError', code: 'VMBUS_TEST' })
    const defect: unknown = await guest.call('throw').catch((error: unknown) => error)
    expect(defect).toMatchObject({ name: 'TypeError', message: 'a defect', cause: { message: 'the cause' } })
    expect(defect).not.toHaveProperty('code')
  })

  it('is told when it is no plain value', async () => {
    await using guest = await start()
    expect(await codeOf(() => guest.call('function'))).toBe('VMBUS_MACHINE_HOST')
    expect(await codeOf(() => guest.call('emit'))).toBe('VMBUS_MACHINE_HOST')
    expect(await codeOf(() => guest.call('x', () => 0))).toBe('VMBUS_MACHINE_OPTIONS')
    expect(await codeOf(() => start({ host: { module, options: () => 0 } }))).toBe('VMBUS_MACHINE_OPTIONS')
    expect(await guest.call('still there', 1)).toBe(1)
  })

  it('lets the process end after a call that was refused', async () => {
    const tsx = createRequire(import.meta.url).resolve('tsx')
    const script = fileURLToPath(new URL('./support/refused-call.ts', import.meta.url))
    const args = ['--import', tsx, '--conditions=@vmbus/source', script]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000 })
    expect(stdout).toBe('VMBUS_MACHINE_OPTIONS\n')
  })
})

describe('snapshots of a booted guest', () => {
  const one = async (more: Partial<TrackedOptions> = {}, options: Partial<BootOptions> = {}): Promise<string[]> => {
    const before = log().length
    const guest = await start({ ...tracked(more, 'a key'), ...options })
    await guest.stop()
    return log().slice(before, -1)
  }

  it('cost a second life of the host the first time, and none later', async () => {
    expect(await one()).toEqual(['made', 'closed', 'made', 'restored'])
    expect(await one()).toEqual(['made', 'restored'])
    expect([existsSync(image), (await readdir(join(folder, 'cache', 'snapshots'))).length]).toEqual([false, 1])
  })

  it('cost nothing but themselves where the cache cannot be written', async () => {
    const cacheFolder = join(folder, 'no-folder')
    await writeFile(cacheFolder, '')
    const told: unknown[] = []
    const onEvent: BootOptions['onEvent'] = ({ name, detail }) => void (name === 'diagnostic' && told.push(detail))
    expect(await one({}, { cacheFolder, onEvent })).toEqual(['made', 'closed', 'made', 'restored'])
    expect(told).toMatchObject([{ code: 'VMBUS_IMAGE_CACHE' }])
    expect((await readdir(folder)).sort()).toEqual(['log', 'no-folder'])
  })
})

describe('a wait', () => {
  it('looks back at events as far as it is asked to', async () => {
    await using guest = await start()
    expect(await guest.until('event:made', { after: 0 })).toBe('event:made'.slice('event:'.length))
    expect(await codeOf(() => guest.until('event:made', { seconds: 1 }))).toBe('VMBUS_MACHINE_TIMEOUT')
    expect(await codeOf(() => guest.until('event:made', { seconds: 1, after: 1 }))).toBe('VMBUS_MACHINE_TIMEOUT')
  })

  it('takes a guest for hung that takes no interrupts, and no busy one', async () => {
    const slow = { instructionNs: 10_000, hangSeconds: 2 }
    await using hung = await start({ image: tinyGuest([0xfa, 0xeb, 0xfe], false), ...slow })
    expect(await hung.ended({ seconds: 10 })).toBe('hung')
    expect((await hung.result()).virtualSeconds).toBeLessThan(3)
    await hung.stop()
    await using busy = await start({ image: tinyGuest([0xfb, 0xeb, 0xfe], false), ...slow })
    await busy.run(10)
    expect(await busy.result()).toMatchObject({ outcome: 'works', end: undefined })
  })
})

describe('options', () => {
  it.each([
    [{ seeds: 7 }],
    [{ seed: NaN }],
    [{ seed: -1 }],
    [{ memoryMB: 2048 }],
    [{ instructionNs: 0 }],
    [{ hangSeconds: NaN }],
    [{ jitter: { steelNs: 1 } }],
    [{ jitter: { sliceInstructions: 100_000 } }],
    [{ bootSeconds: NaN }],
    [{ epoch: 7 }],
    [{ host: { modul: 'file:///x' } }],
    [{ image: { release: 'debian-99' } }],
    [{ image: { release: 'debian-12', flavor: '686' } }],
    [{ image: { kernel: 'x' } }],
    [{ files: { '/x': 'text' } }],
    [{ modules: 'hv_vmbus' }],
  ])('%j is refused', async (options) => {
    expect(await codeOf(() => start(options as Partial<BootOptions>))).toBe('VMBUS_OPTIONS_INVALID')
  })

  it('of calls are looked at as well', async () => {
    await using guest = await start()
    const misspelt = { second: 1 } as object
    expect(await codeOf(() => guest.exec('true', { seconds: NaN }))).toBe('VMBUS_OPTIONS_INVALID')
    expect(await codeOf(() => guest.exec('true', misspelt))).toBe('VMBUS_OPTIONS_INVALID')
    expect(await codeOf(() => guest.until('agent', misspelt))).toBe('VMBUS_OPTIONS_INVALID')
    expect(await codeOf(() => guest.until('event:made', { after: -1 }))).toBe('VMBUS_OPTIONS_INVALID')
    expect(await codeOf(() => guest.ended({ seconds: -1 }))).toBe('VMBUS_OPTIONS_INVALID')
    expect(await codeOf(() => guest.run(NaN))).toBe('VMBUS_OPTIONS_INVALID')
    expect(await codeOf(() => guest.until('agnet' as 'agent'))).toBe('VMBUS_OPTIONS_INVALID')
    expect(await codeOf(() => guest.exec(7 as unknown as string))).toBe('VMBUS_OPTIONS_INVALID')
  })
})
