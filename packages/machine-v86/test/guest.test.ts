import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAgent, type Agent } from '../src/guest/agent.ts'
import { createConsole } from '../src/guest/console.ts'
import { buildInitrd } from '../src/guest/initrd.ts'
import { outcomeOf, signIn } from '../src/guest/outcome.ts'
import { codeOf } from './support/errors.ts'

type Feed = { byte(value: number, now: number): void }
const feed = (to: Feed, text: string): void => {
  for (const value of Buffer.from(text)) to.byte(value, 7)
}

/** An agent, and what it has sent since the last look. */
function agentWithLine(): { readonly agent: Agent; sent(): string } {
  let line = ''
  return {
    agent: createAgent((bytes) => (line += Buffer.from(bytes).toString())),
    sent() {
      const sent = line
      line = ''
      return sent
    },
  }
}

describe('the command agent', () => {
  it('is ready at its greeting and matches answers to commands', () => {
    const { agent, sent } = agentWithLine()
    expect(agent.ready).toBe(false)
    feed(agent, 'boot noise\nVMBUS-AGENT 2\n')
    expect(agent.ready).toBe(true)
    expect([agent.begin('true'), sent()]).toEqual([1, 'E 1 5\ntrue\n'])
    expect([agent.begin('echo \\ ü'), sent()]).toEqual([2, 'E 2 10\necho \\ ü\n'])
    feed(agent, 'R 2 3 4\na\nb\nR 1 0 0\n')
    expect(agent.take(1)).toEqual({ status: 0, output: '' })
    expect(agent.take(2)).toEqual({ status: 3, output: 'a\nb\n' })
    expect(agent.take(2)).toBeUndefined()
  })

  it('sends a long script in pieces of 2048 bytes, each when the guest has taken the one before', () => {
    const { agent, sent } = agentWithLine()
    feed(agent, 'VMBUS-AGENT 2\n')
    const script = 'x'.repeat(4999)
    agent.begin(script)
    expect(sent()).toBe(`D 1 2048\n${'x'.repeat(2048)}`)
    feed(agent, 'A 7\n')
    expect(sent()).toBe('')
    feed(agent, 'A 1\n')
    expect(sent()).toBe(`D 1 2048\n${'x'.repeat(2048)}`)
    feed(agent, 'A 1\n')
    expect(sent()).toBe(`E 1 904\n${'x'.repeat(903)}\n`)
    feed(agent, 'A 1\n')
    expect(sent()).toBe('')
  })

  it('refuses a script over its limit', async () => {
    const { agent, sent } = agentWithLine()
    expect(await codeOf(() => agent.begin('x'.repeat(1024 * 1024)))).toBe('VMBUS_MACHINE_EXEC')
    expect([sent(), agent.begin('x'.repeat(1024 * 1024 - 1))]).toEqual(['', 1])
  })

  it('asks to kill a command that runs, and forgets one that was not sent whole', () => {
    const { agent, sent } = agentWithLine()
    feed(agent, 'VMBUS-AGENT 2\n')
    agent.begin('sleep 9')
    sent()
    expect([agent.kill(1), sent()]).toEqual([true, 'K 1 0\n'])
    agent.begin('x'.repeat(3000))
    sent()
    expect([agent.kill(2), sent()]).toEqual([false, ''])
    feed(agent, 'A 2\n')
    expect(sent()).toBe('')
  })

  it('survives any bytes from the guest in bounded memory', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            'R 1 0 5\n',
            'A 1\n',
            'VMBUS-AGENT 2\n',
            'R 1 999999 -1\n',
            'R 99 0 99999999\n',
            '\n',
            'x'.repeat(500),
            '\u0000',
          ),
        ),
        (parts) => {
          const { agent } = agentWithLine()
          feed(agent, parts.join(''))
          expect(agent.save().received.length).toBeLessThanOrEqual(parts.join('').length)
        },
      ),
      { seed: 2, numRuns: 200 },
    )
  })

  it('goes on from its state, with an answer that is half there and a script that is half sent', () => {
    const { agent } = agentWithLine()
    feed(agent, 'VMBUS-AGENT 2\n')
    agent.begin('true')
    agent.begin('x'.repeat(3000))
    feed(agent, 'R 9 1 1\n!R 1 0 2\no')
    const other = agentWithLine()
    other.agent.restore(agent.save())
    feed(other.agent, 'kA 2\n')
    expect([other.agent.ready, other.agent.take(1), other.agent.take(9)]).toEqual([
      true,
      { status: 0, output: 'ok' },
      { status: 1, output: '!' },
    ])
    expect(other.sent()).toBe(`E 2 953\n${'x'.repeat(952)}\n`)
    expect(other.agent.begin('true')).toBe(3)
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
