import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { main } from '@vmbus/matrix'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { outputFile } from '../src/commands/output-file.ts'
import { traceFile } from '../src/real/trace-file.ts'
import { streamsOf } from '../src/streams.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'vmbus-output-'))))
afterEach(() => rmSync(folder, { recursive: true }))

describe('a file of results', () => {
  it('appears whole, and not before', async () => {
    const name = join(folder, 'report.json')
    writeFileSync(name, 'of the run before')
    const file = await outputFile(name)
    writeFileSync(file.path, 'half')
    expect(readFileSync(name, 'utf8')).toBe('of the run before')
    await file.keep()
    await file.drop()
    expect(readFileSync(name, 'utf8')).toBe('half')
    expect(readdirSync(folder)).toEqual(['report.json'])
  })

  it('or not at all', async () => {
    const file = await outputFile(join(folder, 'report.json'))
    writeFileSync(file.path, 'half')
    await file.drop()
    expect(readdirSync(folder)).toEqual([])
  })

  it('is the file that a link leads to', async () => {
    writeFileSync(join(folder, 'real'), '')
    symlinkSync(join(folder, 'real'), join(folder, 'link'))
    const file = await outputFile(join(folder, 'link'))
    writeFileSync(file.path, 'new')
    await file.keep()
    expect(readFileSync(join(folder, 'real'), 'utf8')).toBe('new')
    expect(readFileSync(join(folder, 'link'), 'utf8')).toBe('new')
  })

  it('is written in place where it is no regular file', async () => {
    const file = await outputFile('/dev/null')
    expect(file.path).toBe('/dev/null')
    await file.keep()
    await file.drop()
    expect(readdirSync('/dev')).toContain('null')
  })

  it('says what happened to its folder meanwhile', async () => {
    const sub = join(folder, 'sub')
    mkdirSync(sub)
    const file = await outputFile(join(sub, 'report.json'))
    rmSync(sub, { recursive: true })
    await expect(file.keep()).rejects.toMatchObject({ code: 'VMBUS_OUTPUT', message: /cannot write .*ENOENT/ })
  })

  it('a transcript that cannot be written ends nothing', () => {
    const file = traceFile(folder)
    file.write('a line\n')
    file.write('another\n')
    file.close()
    expect(file.error).toMatch(/EISDIR/)
    const whole = traceFile(join(folder, 'trace'))
    whole.write('a line\n')
    whole.close()
    whole.write('too late\n')
    expect([whole.error, readFileSync(join(folder, 'trace'), 'utf8')]).toEqual([undefined, 'a line\n'])
  })
})

describe('standard output that cannot be written', () => {
  const failing = (code: string) => {
    let written = 0
    const out = new Writable({
      write(_chunk, _encoding, done) {
        written++
        done(Object.assign(new Error(`${code}: nobody`), { code }))
      },
    })
    return { out, written: () => written }
  }
  const tick = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

  it.each(['EPIPE', 'ENOSPC'])('is told once, with an exit code of its own: %s', async (code) => {
    const { out, written } = failing(code)
    const err = new PassThrough({ encoding: 'utf8' })
    const streams = streamsOf(out, err)
    streams.out('first\n')
    await tick()
    streams.out('second\n')
    expect([written(), streams.gone.aborted]).toEqual([1, true])
    expect(await streams.finish(0)).toBe(4)
    expect(err.read()).toBe(`vmbus: cannot write the standard output: ${code}: nobody (VMBUS_OUTPUT)\n`)
    // What went wrong before it says more.
    expect(await streams.finish(1)).toBe(1)
  })

  it('is found even when it fails with the last word', async () => {
    const { out } = failing('ENOSPC')
    const streams = streamsOf(out, new PassThrough())
    const code = await main(['--help'], streams, new AbortController().signal)
    expect(code).toBe(0)
    expect(await streams.finish(code)).toBe(4)
  })

  it('ends a run that was to be read, which is no interruption', async () => {
    const { out } = failing('EPIPE')
    const streams = streamsOf(out, new PassThrough())
    streams.out('first\n')
    await tick()
    expect(
      await main(
        ['matrix', '--release', 'debian 12', '--host', 'ws2022', '--feature', 'kvp'],
        streams,
        new AbortController().signal,
      ),
    ).toBe(4)
  })

  it('that takes its time gets everything', async () => {
    const taken: string[] = []
    const out = new Writable({
      write(chunk, _encoding, done) {
        setTimeout(() => done(void taken.push(String(chunk))), 5)
      },
    })
    const streams = streamsOf(out, new PassThrough())
    for (const word of ['a', 'b', 'c']) streams.out(word)
    expect(await streams.finish(0)).toBe(0)
    expect(taken.join('')).toBe('abc')
  })
})
