import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAgent } from '../src/guest/agent.ts'
import { createConsole } from '../src/guest/console.ts'
import { buildInitrd } from '../src/guest/initrd.ts'
import { outcomeOf, signIn } from '../src/guest/outcome.ts'
import { codeOf } from './support/errors.ts'

type Feed = { byte(value: number, now: number): void }
const feed = (to: Feed, text: string): void => {
  for (const value of Buffer.from(text)) to.byte(value, 7)
}

/** What printf '%b' of a shell makes of the escapes that the agent sends: \0 and three octal digits. */
const unescape = (text: string): string =>
  Buffer.from(
    text.replace(/\\0([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    'latin1',
  ).toString()

describe('the command agent', () => {
  it('is ready at its greeting and matches answers to requests', () => {
    const agent = createAgent()
    expect(agent.ready).toBe(false)
    feed(agent, 'boot noise\nVMBUS-AGENT 1\n')
    expect(agent.ready).toBe(true)
    const first = agent.request('true')
    const second = agent.request('false')
    feed(agent, `R ${second.id} 3 4\na\nb\nR ${first.id} 0 0\n`)
    expect(agent.take(first.id)).toEqual({ status: 0, output: '' })
    expect(agent.take(second.id)).toEqual({ status: 3, output: 'a\nb\n' })
    expect(agent.take(second.id)).toBeUndefined()
  })

  it('sends any script as one line of printable ASCII that a shell turns back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (script) => {
        const agent = createAgent()
        const { id, bytes } = agent.request(script)
        const line = Buffer.from(bytes).toString('latin1')
        expect(line).toMatch(/^\d+ [!-~]+\n$/)
        expect(unescape(line.slice(`${id} `.length, -1))).toBe(`${script}\n`)
      }),
      { seed: 2, numRuns: 300 },
    )
    expect(Buffer.from(createAgent().request('a\\0101 b').bytes).toString()).toBe('1 a\\01340101\\0040b\\0012\n')
  })

  it('survives any bytes from the guest in bounded memory', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            'R 1 0 5\n',
            'VMBUS-AGENT 1\n',
            'R 1 999999 -1\n',
            'R 99 0 99999999\n',
            '\n',
            'x'.repeat(500),
            '\u0000',
          ),
        ),
        (parts) => {
          const agent = createAgent()
          feed(agent, parts.join(''))
          expect(agent.save().received.length).toBeLessThanOrEqual(parts.join('').length)
        },
      ),
      { seed: 2, numRuns: 200 },
    )
  })

  it('goes on from its state', () => {
    const agent = createAgent()
    feed(agent, 'VMBUS-AGENT 1\nR 1')
    const other = createAgent()
    other.restore(agent.save())
    feed(other, ' 0 2\nok')
    expect(other.ready).toBe(true)
    expect(other.take(1)).toEqual({ status: 0, output: 'ok' })
  })
})

describe('the console', () => {
  it('keeps the text without carriage returns, and the time of each milestone', () => {
    const console = createConsole()
    feed(console, '[    0.0] Linux version 6.1.0\r\n[    1.0] hv_vmbus: Vmbus version:5.3\r\nhalf')
    expect(console.text).toBe('[    0.0] Linux version 6.1.0\n[    1.0] hv_vmbus: Vmbus version:5.3\nhalf')
    expect([...console.milestones]).toEqual([
      ['kernel', 7],
      ['vmbus', 7],
    ])
    expect(console.sign).toBeUndefined()
  })

  it.each([
    ['[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs', 'panic', 'guest-corrupt'],
    ['[    2.1] BUG: kernel NULL pointer dereference, address: 00000004', 'oops', 'guest-corrupt'],
    ['[    2.1] Oops: 0002 [#1] SMP', 'oops', 'guest-corrupt'],
    ['[   28.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s!', 'hung', 'guest-hung'],
    ['[   60.0] rcu: INFO: rcu_preempt self-detected stall on CPU', 'hung', 'guest-hung'],
    ['[  120.0] INFO: task modprobe:71 blocked for more than 120 seconds.', 'hung', 'guest-hung'],
  ] as const)('recognises %s', (line, end, outcome) => {
    const console = createConsole()
    feed(console, `${line}\n`)
    expect(console.sign).toEqual({ end, line })
    expect(outcomeOf(end)).toBe(outcome)
  })

  it('sees no sign in ordinary words', () => {
    expect(signIn('debug: all well')).toBeUndefined()
    expect([outcomeOf('poweroff'), outcomeOf(undefined)]).toEqual(['works', 'works'])
  })
})

describe('buildInitrd', () => {
  const parts = {
    busybox: Buffer.from('BB'),
    modules: [{ name: 'hv_vmbus', bytes: Buffer.from('KO') }],
    entries: [],
    files: {},
  }
  const names = (archive: Uint8Array): string[] =>
    [
      ...Buffer.from(archive)
        .toString('latin1')
        .matchAll(/070701[0-9A-F]{104}([^\0]+)/g),
    ].map(([, name = '']) => name)

  it('has each directory before what is in it', () => {
    const all = names(buildInitrd({ ...parts, files: { '/etc/deep/file': { contents: 'x' } } }))
    for (const name of all) {
      const parent = name.slice(0, Math.max(name.lastIndexOf('/'), 0))
      if (parent !== '') expect(all.indexOf(parent)).toBeGreaterThanOrEqual(0)
      if (parent !== '') expect(all.indexOf(parent)).toBeLessThan(all.indexOf(name))
    }
    expect(all).toEqual(
      expect.arrayContaining([
        'init',
        'bin/busybox',
        'lib/modules/vmbus/hv_vmbus.ko',
        'etc/deep/file',
        'sbin/poweroff',
      ]),
    )
  })

  it('leaves documentation out and follows hard links', () => {
    const entry = { mode: 0o644, target: '', bytes: Buffer.from('T'), type: 'file' as const }
    const all = names(
      buildInitrd({
        ...parts,
        entries: [
          { ...entry, path: 'usr/share/doc/x/README' },
          { ...entry, path: 'usr/bin/tool' },
          { ...entry, path: 'usr/bin/alias', type: 'hardlink', target: './usr/bin/tool' },
        ],
      }),
    )
    expect(all).toEqual(expect.arrayContaining(['usr/bin/tool', 'usr/bin/alias']))
    expect(all.some((name) => name.includes('README'))).toBe(false)
  })

  it('refuses a path that is none', async () => {
    for (const path of ['', '/', '../x', 'a/./b'])
      expect(await codeOf(() => buildInitrd({ ...parts, files: { [path]: { contents: '' } } }))).toBe(
        'VMBUS_MACHINE_OPTIONS',
      )
  })

  it('gives equal bytes for equal parts', () => {
    expect(Buffer.compare(buildInitrd(parts), buildInitrd(parts))).toBe(0)
  })
})
