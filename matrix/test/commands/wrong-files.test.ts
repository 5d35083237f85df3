import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readJson } from '../../src/results/json.ts'
import { ran } from './command.ts'
import { fakeRunner } from './fake-runner.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmbus-wrong-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string): string => join(folder, name)
const good = file('good.json')

const run = (...argv: readonly string[]) =>
  ran(argv, { runnerOf: () => Promise.resolve(fakeRunner()), pageOf: () => '' })

const ASKED = ['--release', 'rhel 7.8,rhel 7.9', '--host', 'ws2022', '--feature', 'trim,kvp', '--quiet']

/** Every command that reads results, given a file. */
const READERS: readonly (readonly [name: string, argv: (wrong: string) => readonly string[]])[] = [
  ['diff OLDER', (wrong) => ['diff', wrong, good]],
  ['diff NEWER', (wrong) => ['diff', good, wrong]],
  ['merge', (wrong) => ['merge', good, wrong, '--json', file('merged.json')]],
  ['matrix --since', (wrong) => ['matrix', ...ASKED, '--since', wrong]],
  ['explain --from', (wrong) => ['explain', 'rhel 7.9', 'ws2022', 'trim', '--from', wrong]],
  ['replay', (wrong) => ['replay', wrong]],
]

let text = ''
beforeAll(async () => {
  await run('matrix', ...ASKED, '--json', good)
  text = readFileSync(good, 'utf8')
})

/** The text of a good file with a part of it replaced, which must be there. */
function changed(part: string | RegExp, by: string): string {
  const other = text.replace(part, by)
  if (other === text) throw new Error(`no ${part} in a good file`)
  return other
}

const WRONG: readonly (readonly [name: string, content: () => string | Buffer, says: RegExp])[] = [
  ['nothing', () => '', /character 0 of 0 is "the end of the file", expected: JSON/],
  ['a file that was cut', () => text.slice(0, 500), /character 500 of 500 is "the end of the file", expected: JSON/],
  ['words', () => 'no results', /wrong\.json: it is "no results", expected: JSON/],
  [
    'other JSON',
    () => '{"name":"vmbus","version":"1.0.0"}',
    /name is "name", expected: no such name|format is nothing/,
  ],
  ['a list', () => '[]', /format is nothing, expected: "format"/],
  ['null', () => 'null', /it is null, expected: Object/],
  [
    'another version',
    () => changed('vmbus-matrix/1', 'vmbus-matrix/2'),
    /format is "vmbus-matrix\/2", expected: "vmbus-matrix\/1"/,
  ],
  ['a seed that is none', () => changed('"seed":1', '"seed":-1'), /seed is -1, expected: >=0/],
  ['a name too many', () => changed('"seed":1', '"sed":2,"seed":1'), /sed is "sed", expected: no such name/],
  ['a name twice', () => changed('"seed":1', '"seed":2,"seed":1'), /seed is "there twice", expected: each name once/],
  [
    'a name twice, deep in it',
    () => changed('"id":"ws2022"', '"id":"ws2019","\\u0069d":"ws2022"'),
    /hosts\.0\.id is "there twice", expected: each name once/,
  ],
  ['an unknown feature', () => changed('"id":"trim"', '"id":"teleport"'), /features\.0\.id is "teleport", expected: /],
  ['an unknown outcome', () => changed('"outcome":"works"', '"outcome":"flies"'), /outcome is "flies", expected: /],
  [
    'a row too few',
    () => changed(/"cells":\[\[[^\]]*\],/, '"cells":['),
    /cells is 1, expected: a row for each of the 2/,
  ],
  ['a cell of no story', () => changed(/"cells":\[\[\d+/, '"cells":[[99'), /cells\.0\.0 is 99, expected: below \d/],
  ['a cell below zero', () => changed(/"cells":\[\[\d+/, '"cells":[[-1'), /cells\.0\.0 is -1, expected: >=0/],
  ['a cell between two', () => changed(/"cells":\[\[\d+/, '"cells":[[0.5'), /cells\.0\.0 is 0\.5/],
  [
    'an execution that is not there',
    () => changed('"execution":"', '"execution":"no '),
    /stories\.0\.execution is "no /,
  ],
  [
    'a release twice',
    () => changed('"key":"rhel 7.8"', '"key":"rhel 7.9"'),
    /releases\.1 is "rhel 7\.9", expected: what no other/,
  ],
  ['bytes', () => Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x00, 0x1b, 0x5b]), /it is ".*", expected: text in UTF-8/],
  ['what a terminal would obey', () => '\u009b31m', /it is "\ufffd31m", expected: JSON/],
]

describe.each(WRONG)('%s', (_name, content, says) => {
  it.each(READERS)('is refused by %s with file, place and value', async (_command, argv) => {
    const wrong = file('wrong.json')
    writeFileSync(wrong, content())
    const { code, out, err } = await run(...argv(wrong))
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(wrong)
    expect(err).toMatch(says)
    expect(err).toMatch(/^vmbus: [^\n\p{Cc}]+ \(VMBUS_RESULTS_INVALID\)\n$/u)
    expect(err.length).toBeLessThan(600)
  })
})

describe('what is no file of results at all', () => {
  it.each(READERS)('is refused by %s: a folder, nothing, and what does not end', async (_command, argv) => {
    mkdirSync(file('folder.json'), { recursive: true })
    for (const [name, says] of [
      [file('folder.json'), /cannot read \S+folder\.json: EISDIR/],
      [file('none.json'), /cannot read \S+none\.json: ENOENT/],
    ] as const) {
      const { code, err } = await run(...argv(name))
      expect([code, says.test(err)]).toEqual([2, true])
      expect(err).toMatch(/^[^\n]+ \(VMBUS_USAGE\)\n$/)
    }
  })

  it('is told soon of a file that is too long, which is not read to its end', async () => {
    writeFileSync(file('huge.json'), '')
    truncateSync(file('huge.json'), (256 << 20) + 1)
    const { code, err } = await run('diff', file('huge.json'), good)
    expect([code, err]).toEqual([
      2,
      `vmbus: cannot read ${file('huge.json')}: it is longer than 256 MiB (VMBUS_USAGE)\n`,
    ])
    rmSync(file('huge.json'))
    expect((await run('diff', '/dev/zero', good)).err).toContain('/dev/zero: it is longer than 256 MiB')
  })

  it.skipIf(process.platform === 'win32')('a pipe with results is one', async () => {
    execFileSync('mkfifo', [file('pipe')])
    const compared = run('diff', file('pipe'), good)
    spawn('sh', ['-c', 'cat "$0" > "$1"', good, file('pipe')])
    expect(await compared).toMatchObject({ code: 0, out: '0 cells changed, 0 for the worse\n' })
  })
})

describe('JSON', () => {
  it.each([
    ['{"a":{"b":1,"b":2}}', 'a.b'],
    ['[{"a":1},{"a":1,"b":[0,{"c":1,"c":2}]}]', '1.b.1.c'],
    ['{ "a": "b:c,{", "a": 2 }', 'a'],
    ['{"\\"":1,"\\"":2}', '"'],
  ])('%s has a name twice', (json, path) =>
    expect(readJson(json)).toEqual({ at: path, value: 'there twice', expected: 'each name once' }),
  )

  it.each([
    '{ "a": { "a": [ { "a": 1 }, { "a": 2 } ] }, "b": "a", "c": ["a", "a"] }',
    '"a"',
    '[1, 1]',
    '{"__proto__": 1}',
  ])('%s has none', (json) => expect(readJson(json)).toHaveProperty('value', JSON.parse(json)))
})
