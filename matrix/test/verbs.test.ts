import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MachineError } from '@vmbus/machine-v86'
import { main } from '@vmbus/matrix'
import { afterAll, describe, expect, it } from 'vitest'
import { failure } from '../src/commands/failure.ts'
import { runScript } from '../src/commands/boot/script.ts'
import { readLine } from '../src/commands/boot/verbs.ts'
import type { Stage } from '../src/commands/boot/verb-steps.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmbus-verbs-'))
afterAll(() => rmSync(folder, { recursive: true }))

type Said = readonly [name: string, detail?: unknown]

/** A guest that keeps what it is asked, answers calls with `answers`, and says one of `events` for each wait. */
function stage(answers: Readonly<Record<string, unknown>>, events: readonly Said[] = []) {
  const asked: unknown[] = []
  const said: string[] = []
  const heard: { name: string; at: number; detail?: unknown }[] = []
  const left = [...events]
  const made: Stage = {
    guest: {
      events: heard,
      call(name, argument) {
        asked.push(argument === undefined ? [name] : [name, argument])
        const answer = answers[name]
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
      },
      until(what) {
        const next = left.shift()
        if (next === undefined)
          return Promise.reject(new MachineError('VMBUS_MACHINE_TIMEOUT', `waited for ${String(what)}`))
        heard.push({ name: next[0], at: 0, detail: next[1] })
        return Promise.resolve(String(what))
      },
      exec(script) {
        asked.push(['exec', script])
        return Promise.resolve({ status: script === 'false' ? 1 : 0, output: `${script}!\n` })
      },
      run(seconds) {
        asked.push(['run', seconds])
        return Promise.resolve()
      },
      ended: () => Promise.resolve('poweroff'),
    },
    say: (text) => void said.push(text),
  }
  return { made, asked, said }
}

describe('a verb asks for what it says', () => {
  const completed = { id: 5, outcome: 'ok', status: 0 }
  const cases: readonly (readonly [
    line: string,
    asked: readonly unknown[],
    answer: unknown,
    events: readonly Said[],
  ])[] = [
    ['key-set role web server', ['kvp.set', { key: 'role', value: 'web server' }], 5, [['kvp:completed', completed]]],
    [
      'key-set "my role"  web   server',
      ['kvp.set', { key: 'my role', value: 'web server' }],
      5,
      [['kvp:completed', completed]],
    ],
    [`key-set empty ''`, ['kvp.set', { key: 'empty', value: '' }], 5, [['kvp:completed', completed]]],
    [
      String.raw`key-set a\ b "say \"hi\"  " 'it''s'`,
      ['kvp.set', { key: 'a b', value: 'say "hi"   its' }],
      5,
      [['kvp:completed', completed]],
    ],
    [`  exec  echo "a  b"  'c' | cat `, ['exec', `echo "a  b"  'c' | cat`], undefined, []],
    ['key-delete role', ['kvp.delete', { key: 'role' }], 5, [['kvp:completed', completed]]],
    ['keys', ['kvp.enumerate', { pool: 'auto' }], 5, [['kvp:completed', completed]]],
    ['keys guest', ['kvp.enumerate', { pool: 'guest' }], 5, [['kvp:completed', completed]]],
    ['memory-take 1M', ['balloon.balloon', 256], 'begun', [['balloon:balloon', { asked: 256, done: 256 }]]],
    ['memory-give 8K', ['balloon.unballoon', 2], 'begun', [['balloon:unballoon', { asked: 2, done: 2 }]]],
    ['network-link up', ['netvsc.link', true], undefined, []],
    ['network-link down', ['netvsc.link', false], undefined, []],
    ['network-remove', ['netvsc.remove'], undefined, [['released', {}]]],
    ['network-add', ['netvsc.add'], undefined, []],
    ['disk-add 64M', ['storvsc.add', { size: '67108864' }], 1, []],
    ['backup-merge', ['storvsc.merge', 4 << 20], true, []],
    ['disk-remove 1', ['storvsc.remove', 1], undefined, []],
    ['disk-resize 0 1G', ['storvsc.resize', { lun: 0, bytes: 2 ** 30 }], undefined, []],
    ['shutdown restart', ['shutdown.request', { action: 'restart' }], 'sent', [['shutdown:answered', { status: 0 }]]],
    ['wait 1.5m', ['run', 90], undefined, []],
    ['inspect', ['inspect'], {}, []],
  ]
  it.each(cases)('%s', async (line, wanted, answer, events) => {
    const { made, asked, said } = stage({ [String(wanted[0])]: answer }, events)
    await readLine(line)(made)
    expect(asked).toEqual([wanted])
    expect(said.length).toBe(line.startsWith('wait') ? 0 : 1)
  })

  it('tells where a backup is', async () => {
    const answers = {
      'vss.backup': 5,
      'storvsc.checkpoints': [{ lun: 0, file: '/a.vhdx', child: '/a.avhdx' }, { lun: 1 }],
    }
    const { made, asked, said } = stage(answers, [['vss:backup', completed]])
    await readLine('backup')(made)
    expect(asked).toEqual([['vss.backup', {}], ['storvsc.checkpoints']])
    expect(said.slice(1)).toEqual(['disk 0 as it was: /a.vhdx (it goes on in /a.avhdx)', 'disk 1 as it was: in memory'])
  })

  it('adds an image file where one has the name', async () => {
    const file = join(folder, 'disk.vhdx')
    writeFileSync(file, '')
    const { made, asked } = stage({ 'storvsc.add': 1 })
    await readLine(`disk-add ${file}`)(made)
    expect(asked).toEqual([['storvsc.add', { file }]])
  })

  it('copies a file under its own name or another, into a folder that is made', async () => {
    const file = join(folder, 'a.txt')
    writeFileSync(file, 'four')
    for (const [to, path, name] of [
      ['/srv/', '/srv/', 'a.txt'],
      ['/srv/b', '/srv/', 'b'],
    ]) {
      const { made, asked } = stage({ 'fcopy.copy': 5 }, [['fcopy:completed', completed]])
      await readLine(`copy ${file} ${to}`)(made)
      expect(asked).toEqual([
        ['fcopy.file', { source: file, bytes: new TextEncoder().encode('four') }],
        ['fcopy.copy', { source: file, size: 4, path, name, overwrite: true, createPath: true }],
      ])
    }
  })

  it('waits for the end of its own request, not of another', async () => {
    const { made, said } = stage({ 'kvp.delete': 5 }, [
      ['kvp:completed', { id: 4, outcome: 'failed' }],
      ['other', {}],
      ['kvp:completed', completed],
    ])
    await readLine('key-delete role')(made)
    expect(said).toEqual([JSON.stringify(completed)])
  })

  it.each(['', '   ', '# a remark'])('and nothing for “%s”', async (line) => {
    const { made, asked, said } = stage({})
    await readLine(line)(made)
    expect([asked, said]).toEqual([[], []])
  })
})

describe('a verb that is refused, or fails, says so', () => {
  const unknown = new RangeError('unknown action: vss.backup')
  const refused = Object.assign(new Error('no LUN 7'), { name: 'StorvscError', code: 'VMBUS_STORVSC_LUN' })
  const cases: readonly (readonly [string, Record<string, unknown>, readonly Said[], RegExp])[] = [
    ['keys', { 'kvp.enumerate': 'not-connected' }, [], /^not begun: not-connected$/],
    ['backup', { 'vss.backup': unknown }, [], /^unknown action/],
    ['disk-remove 7', { 'storvsc.remove': refused }, [], /^no LUN 7$/],
    // A daemon that hangs: Linux answers for it after 30 s, unless it hangs while it freezes, for which it has 15 minutes.
    [
      'backup',
      { 'vss.backup': 1 },
      [['vss:backup', { id: 1, outcome: 'failed', stage: 'check', status: 0x80004005 }]],
      /^vss\.backup ended with failed, the guest's last status is 0x80004005$/,
    ],
    ['backup', { 'vss.backup': 1 }, [], /^vss\.backup did not end within 70 s of the guest's time$/],
    ['network-remove', {}, [], /^netvsc\.remove did not end within 70 s of the guest's time$/],
    ['memory-take 1M', { 'balloon.balloon': 'begun' }, [], /^balloon\.balloon did not end within 70 s/],
    [
      'key-delete k',
      { 'kvp.delete': 1 },
      [['kvp:completed', { id: 1, outcome: 'failed', status: 0x80070103 }]],
      /failed.*0x80070103/,
    ],
    ['memory-take 1M', { 'balloon.balloon': 'not-ready' }, [], /^not begun: not-ready$/],
    [
      'memory-take 1M',
      { 'balloon.balloon': 'begun' },
      [['balloon:balloon', { asked: 256, done: 0, failed: 'no answer' }]],
      /^no answer$/,
    ],
    ['shutdown', { 'shutdown.request': 'not-supported' }, [], /^not begun: not-supported$/],
    [
      'shutdown hibernate',
      { 'shutdown.request': 'sent' },
      [['shutdown:answered', { status: 0x80004005 }]],
      /^the guest answered 0x80004005$/,
    ],
    ['exec false', {}, [], /^exit status 1$/],
  ]
  it.each(cases)('%s', async (line, answers, events, message) => {
    await expect(readLine(line)(stage(answers, events).made)).rejects.toMatchObject({
      code: 'VMBUS_VERB',
      message: expect.stringMatching(message) as string,
    })
  })

  it.each([
    [
      'an error with a code',
      Object.assign(new Error('300000 bytes'), { code: 'VMBUS_DISK_OPTION' }),
      'VMBUS_DISK_OPTION',
    ],
    ['an error of the system', Object.assign(new Error('no space'), { code: 'ENOSPC' }), 'ENOSPC'],
    ['an error whose class is known by its stack', Object.assign(new Error('no'), { stack: 'DiskError: no\n' }), ''],
    ['a bound', new RangeError('the adapter is there'), ''],
  ])('%s ends a line of a script, with its code', async (_, error, code) => {
    const lines = [{ text: 'network-add', command: readLine('network-add') }]
    const thrown: unknown = await runScript(stage({ 'netvsc.add': error }).made, lines, () => {}).catch(
      (each: unknown) => each,
    )
    expect(failure(thrown)).toEqual({
      line: `vmbus: network-add: ${error.message} (${code === '' ? '' : `${code}, `}VMBUS_VERB)`,
      exitCode: 1,
    })
  })

  it('a file that cannot be read ends a line of a script', async () => {
    const lines = [{ text: 'copy none /srv/', command: readLine('copy none /srv/') }]
    await expect(runScript(stage({}).made, lines, () => {})).rejects.toMatchObject({
      code: 'VMBUS_VERB',
      cause: { code: 'ENOENT' },
    })
  })

  it('but a defect of ours stays one', async () => {
    const { made } = stage({ 'netvsc.add': new TypeError('x is not a function') })
    await expect(readLine('network-add')(made)).rejects.toThrow(TypeError)
  })
})

describe('words that mean nothing are refused before anything is booted', () => {
  const cases = [
    ['frobnicate', /unknown verb: frobnicate \(one of wait, /],
    ['toString', /unknown verb/],
    ['wait', /missing words: wait DURATION/],
    ['wait soon', /not a duration/],
    ['exec', /missing words/],
    ['key-set', /missing words/],
    ['key-set name', /missing words: key-set NAME VALUE/],
    ['key-delete', /missing words/],
    ['keys all', /unknown pool: all \(one of external, guest, auto/],
    ['copy /etc/hostname', /missing words: copy FILE PATH/],
    ['memory-take', /missing words/],
    ['memory-take -1', /not a size/],
    ['memory-take 1', /not a page of memory/],
    ['memory-give 9999999999999999G', /not a size/],
    ['network-link', /missing words: network-link up\|down/],
    ['network-link up down', /too many words: network-link/],
    ['network-remove eth0', /too many words: network-remove/],
    ['wait 1s 2s', /too many words: wait DURATION/],
    ['keys guest auto', /too many words: keys/],
    ['copy a b c', /too many words: copy FILE PATH/],
    ['inspect all', /too many words: inspect/],
    ['disk-add "64M', /a quote or backslash that nothing closes: "64M/],
    ['key-delete role\\', /nothing closes/],
    ['network-link sideways', /unknown state of a link: sideways \(one of up, down\)/],
    ['disk-add big', /not a size/],
    ['disk-remove sda', /not a number/],
    ['disk-resize 0', /missing words/],
    ['shutdown now', /unknown end: now \(one of power-off, restart, hibernate\)/],
  ] as const
  it.each(cases)('%s', async (line, message) => {
    expect(() => readLine(line)).toThrow(message)
    const script = join(folder, 'script')
    writeFileSync(script, `# a script\n\n${line}\n`)
    let err = ''
    const argv = ['boot', '--release', 'debian-12', '--host', 'ws2022', '--script', script]
    const streams = { out: () => {}, err: (part: string) => void (err += part) }
    expect(await main(argv, streams, new AbortController().signal)).toBe(2)
    expect(err).toMatch(/^vmbus: .*script:3: .*\(VMBUS_USAGE\)\n$/)
  })

  it('as is a script that is not there', async () => {
    let err = ''
    const argv = ['boot', '--release', 'debian-12', '--host', 'ws2022', '--script', join(folder, 'none')]
    const streams = { out: () => {}, err: (part: string) => void (err += part) }
    expect(await main(argv, streams, new AbortController().signal)).toBe(2)
    expect(err).toMatch(/^vmbus: cannot read .*none: .*\(VMBUS_USAGE\)\n$/)
  })
})
