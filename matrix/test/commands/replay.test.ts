import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { grids, releases } from '@vmbus/catalog'
import { hostProfiles } from '@vmbus/host'
import { replayCommand, reportHtml, slugOf, type MatrixResults } from '@vmbus/report'
import { fromJsonLine } from '@vmbus/trace'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { featureOf, hostOf, releaseOf } from '../../src/commands/names.ts'
import { OURS } from '../../src/registry/registry.ts'
import { exchangeText, folded } from '../../src/report/exchange-text.ts'
import { parseResults } from '../../src/results/file.ts'
import { cellsOf } from '../../src/results/read.ts'
import { simulations, type Runner } from '../../src/runner.ts'
import { ran } from './command.ts'
import { fakeRunner } from './fake-runner.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmbus-replay-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string): string => join(folder, name)

const runWith = (runner: Runner, ...argv: string[]) =>
  ran(argv, { runnerOf: () => Promise.resolve(runner), pageOf: reportHtml })
const played = async (...argv: string[]) => await runWith(simulations, 'replay', ...argv)

const readRun = (name: string): MatrixResults => parseResults(readFileSync(file(name), 'utf8'), name)

/** A file of results with some of its text changed. */
function changed(name: string, of: string, change: (results: MatrixResults) => MatrixResults): string {
  writeFileSync(file(name), JSON.stringify(change(readRun(of))))
  return file(name)
}

describe('vmbus replay of a cell', () => {
  it('tells what came out, by what, how much it did, and what crossed', async () => {
    const { code, out, err } = await played('rhel6.4/2012R2/trim')
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^TRIM support, rhel 6\.4 .* on Windows Server 2012 R2: fails/)
    const text = out.replaceAll(/\s+/g, ' ')
    expect(text).toContain("It is decided by one value: the guest's vpd is no (source-read:")
    // Linux 2.6.32-358 asks for no page of provisioning: what is given back stays in the image.
    const [, reason = 'none'] = /Probe trim: fails: (the image keeps what the guest gave back): \[/.exec(text) ?? []
    expect(text).toMatch(/Decided by the guest's vpd\. 1 sequences, [\d,]+ bytes, transcript [\da-f]{12}\./)
    expect(text).toContain(`"gives back" does not hold: ${reason}.`)
    // Windows Server 2012 R2 offers 0.13 to 3.0, and Linux 2.6.32-358 speaks 1.1 and 0.13 (its vmbus_drv.c).
    expect(out).toMatch(/^ +\d+\.\d{6} {2}guest → host +INITIATE_CONTACT/m)
    expect(out).toMatch(/guest → host {2}storvsc {2}INQUIRY/)
    expect(out).toMatch(new RegExp(`^ +guest +${reason}`, 'm'))
    for (const line of out.split('\n'))
      if (!line.includes('/') && !line.includes('.md')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('measures the same as the run, whatever the seed, and another for another seed', async () => {
    const argv = [
      '--release',
      'debian 12',
      '--host',
      'ws2022',
      '--feature',
      'kvp',
      '--runs',
      '2',
      '--quiet',
      '--workers',
      '0',
    ]
    await runWith(simulations, 'matrix', ...argv, '--seed', '5', '--json', file('five.json'))
    const transcript = readRun('five.json').executions[0]?.transcript.slice(0, 12) ?? 'none'
    expect((await played('debian-12/ws2022/kvp', '--seed', '5', '--runs', '2')).out).toContain(
      `transcript ${transcript}.`,
    )
    expect((await played('debian-12/ws2022/kvp', '--seed', '6', '--runs', '2')).out).not.toContain(transcript)
    const same = await played(file('five.json'), '--cell', 'Debian 12/2022/kvp')
    expect([same.code, same.err]).toEqual([0, ''])
    expect(same.out).toContain(`The same as in ${file('five.json')}.`.slice(0, 20))
  })

  it('runs the commands that a page prints, by the function of the page', async () => {
    const argv = [
      '--release',
      'rhel 6.10 + lis 4.3,freebsd 9.3,rhel 7.9',
      '--host',
      'ws2008,ws2022',
      '--runs',
      '2',
      '--quiet',
    ]
    await runWith(
      simulations,
      'matrix',
      ...argv,
      '--feature',
      'trim,kvp,video',
      '--seed',
      '9',
      '--json',
      file('page.json'),
    )
    const run = readRun('page.json')
    const cells = [
      ['rhel 6.10 + lis 4.3', 'ws2022', 'trim', 'rhel-6.10-lis-4.3/ws2022/trim'],
      ['freebsd 9.3', 'ws2022', 'kvp', 'freebsd-9.3/ws2022/kvp'],
      ['rhel 7.9', 'ws2008', 'trim', 'rhel-7.9/ws2008/trim'],
      ['rhel 7.9', 'ws2022', 'video', 'rhel-7.9/ws2022/video'],
    ] as const
    for (const [release, host, feature, name] of cells) {
      const command = replayCommand({ release, host, feature, evidence: 'simulated-sourced' }, run)
      expect(command).toBe(`vmbus replay ${name} --seed 9 --runs 2`)
      const { code, out } = await runWith(simulations, ...command.split(' ').slice(1))
      const cell = [...cellsOf(run)].find(
        (each) => each.release.key === release && each.host.id === host && each.feature.id === feature,
      )
      const { outcome, execution } = run.stories[cell?.index ?? -1] ?? {}
      expect(code).toBe(0)
      const transcript = run.executions.find(({ id }) => id === execution)?.transcript
      // What was not run has no execution: nothing is played, and its paragraph says so.
      expect(out).toMatch(transcript === undefined ? /was not measured|lacks it/ : new RegExp(`Probe \\S+: ${outcome}`))
      if (transcript !== undefined) expect(out).toContain(`transcript ${transcript.slice(0, 12)}`)
    }
  })

  it('shows the smallest value for which a property does not hold, whole', async () => {
    const shrunk = `[{"block":0,"fill":1,"data":"${'x'.repeat(300)}"}]`
    const { out } = await runWith(fakeRunner({ shrunk }), 'replay', 'rhel-7.9/ws2022/trim')
    expect(out).toContain('"gives back" does not hold: it keeps all. The smallest value found, after 3\nsteps:\n')
    const [, block = ''] = /steps:\n((?: {4}.*\n)+)/.exec(out) ?? []
    expect(block.replaceAll(/\s/g, '')).toBe(shrunk)
  })

  it('writes the transcript, which is as long as all that crossed', async () => {
    const { code } = await played('rhel 7.9/ws2022/file copy', '--runs', '1', '--trace', file('t.jsonl'))
    const entries = readFileSync(file('t.jsonl'), 'utf8').trimEnd().split('\n').map(fromJsonLine)
    expect(code).toBe(0)
    expect(entries[0]).toEqual({ time: 0, kind: 'note', source: 'replay', text: 'probe file-copy' })
    // INITIATE_CONTACT is message 14 (Linux include/linux/hyperv.h).
    expect(entries[1]).toMatchObject({ kind: 'message', to: 'host' })
    expect((await played('rhel 7.9/ws2022/file copy', '--runs', '1', '--all')).out).not.toMatch(/… [\d,]+ messages/)
  })

  it('says of an error that it is ours', async () => {
    const runner = fakeRunner({ broken: () => true })
    const { code, err } = await runWith(runner, 'replay', 'rhel 7.9/ws2022/trim')
    expect([code, err]).toEqual([3, 'vmbus: 1 cells ended with an error of ours (VMBUS_MATRIX)\n'])
  })

  it.each([
    ['rhel-7.9/ws2022', /no file, and no cell: rhel-7\.9\/ws2022 \(such as rhel-7\.9\/ws2022\/trim\)/],
    ['rhel-7.9/ws1999/trim', /unknown host: ws1999/],
    ['rhel-99/ws2022/trim', /unknown guest: rhel-99/],
    ['rhel-7.9/ws2022/teleport', /unknown feature: teleport/],
  ])('refuses %s', async (cell, line) => {
    const { code, err } = await played(cell)
    expect([code, err]).toEqual([2, expect.stringMatching(line)])
  })

  it('knows every guest, host and feature by the name that a page prints', () => {
    for (const { key } of releases()) expect(releaseOf(OURS, slugOf(key)).key).toBe(key)
    for (const { id } of hostProfiles) expect(hostOf(OURS, id).id).toBe(id)
    for (const { id } of grids().features) expect(featureOf(OURS, id).id).toBe(id)
  })
})

describe('vmbus replay of a file', () => {
  const THREE = ['--release', 'rhel 7.8,rhel 7.9', '--host', '2008r2,ws2022', '--feature', 'trim,kvp', '--quiet']
  const replayed = async (...argv: string[]) => await runWith(fakeRunner(), 'replay', ...argv)

  it('measures again what is an error, once for each execution, and says that it is none any more', async () => {
    const runner = fakeRunner({ broken: (id) => id === 'trim/true/ws2022' })
    await runWith(runner, 'matrix', ...THREE, '--json', file('bad.json'))
    const again = await runWith(runner, 'replay', file('bad.json'))
    expect([again.code, again.out]).toEqual([3, 'rhel 7.8 on ws2022, trim: trim error, the same\n'])
    const { code, out, err } = await replayed(file('bad.json'))
    expect(out).toBe(
      'rhel 7.8 on ws2022, trim: trim works, outcome: error there, works here; reason:\nit broke there, none here\n',
    )
    expect([code, err]).toEqual([1, `vmbus: 1 cells did not come out as in ${file('bad.json')} (VMBUS_FINDINGS)\n`])
  })

  it('has nothing to do where all is well, and measures a cell that is named', async () => {
    await runWith(fakeRunner(), 'matrix', ...THREE, '--json', file('good.json'))
    expect((await replayed(file('good.json'))).out).toBe('No cell is an error, hangs, damages, or is unexplained.\n')
    const one = await replayed(file('good.json'), '--cell', 'rhel 7.9/ws2022/trim')
    expect(one.code).toBe(0)
    expect(one.out).toContain('The same as in ')
    const other = changed('other.json', 'good.json', (results) => ({
      ...results,
      executions: results.executions.map((each) => ({ ...each, transcript: 'another' })),
    }))
    const differs = await replayed(other, '--cell', 'rhel 7.9/ws2022/trim')
    expect(differs.code).toBe(1)
    expect(differs.out.replaceAll('\n', ' ')).toContain('transcript: another there, of trim/true/ws2022 here.')
  })

  it('takes seed and runs from the file alone, and refuses what the file does not have', async () => {
    await runWith(fakeRunner(), 'matrix', ...THREE, '--json', file('good.json'))
    const refused = async (...argv: string[]) => {
      const { code, err } = await replayed(...argv)
      expect(code).toBe(2)
      return err
    }
    expect(await refused(file('good.json'), '--seed', '3')).toMatch(/--seed and --runs are those of the file/)
    expect(await refused(file('good.json'), '--cell', 'debian-12/ws2022/trim')).toMatch(
      /has no cell debian-12\/ws2022\/trim/,
    )
    expect(await refused(file('good.json'), '--trace', file('x'))).toMatch(/need one --cell/)
    expect(await refused('rhel-7.9/ws2022/trim', '--cell', 'rhel-7.9/ws2022/trim')).toMatch(/--cell is one of a file/)
    const stranger = changed('stranger.json', 'good.json', (results) => ({
      ...results,
      releases: results.releases.map((each, at) => ({ ...each, key: `plan9 ${at + 4}` })),
      stories: results.stories.map((each) => ({ ...each, outcome: 'error' as const })),
    }))
    expect(await refused(stranger)).toMatch(/is of another version of vmbus: nothing is known of plan9 4/)
  })

  it('a failure for a CI has the command of each of its cells', async () => {
    const runner = fakeRunner({ broken: (id) => id === 'trim/true/ws2022' })
    await runWith(runner, 'matrix', ...THREE, '--seed', '3', '--junit', file('run.xml'))
    expect(readFileSync(file('run.xml'), 'utf8')).toContain('vmbus replay rhel-7.9/ws2022/trim --seed 3</failure>')
  })
})

describe('vmbus replay of what a real kernel played', () => {
  const KERNELS = { 'debian 12': 'debian-12 6.1.0-53-686' }
  const ASKED = ['--release', 'rhel 7.9,debian 12', '--host', 'ws2022', '--feature', 'trim', '--quiet', '--real']
  const NAMED = 'debian-12/ws2022/trim'
  const textOf = (out: string) => out.replaceAll(/\s+/g, ' ')

  it('plays it on that kernel, and says so', async () => {
    const runner = fakeRunner({ kernels: KERNELS })
    await runWith(runner, 'matrix', ...ASKED, '--json', file('real.json'))
    const same = await runWith(runner, 'replay', file('real.json'), '--cell', NAMED)
    expect([same.code, same.err]).toEqual([0, ''])
    expect(textOf(same.out)).toContain('Probe trim on the real kernel debian-12 6.1.0-53-686: works.')
    expect(textOf(same.out)).toContain('Evidence: a real kernel')
    const alone = await runWith(runner, 'replay', NAMED, '--real')
    expect(textOf(alone.out)).toContain('Evidence: a real kernel')
  })

  it('claims no real kernel where none was asked for, or none was in the run', async () => {
    const runner = fakeRunner({ kernels: KERNELS })
    await runWith(runner, 'matrix', ...ASKED, '--json', file('real.json'))
    for (const argv of [[NAMED], [file('real.json'), '--cell', 'rhel 7.9/ws2022/trim']]) {
      const { code, out } = await runWith(runner, 'replay', ...argv)
      expect(code).toBe(0)
      expect(textOf(out)).toMatch(/Evidence: simulated/)
      expect(out).not.toContain('real kernel')
    }
  })

  it('refuses what it has no kernel for, or another one than the run', async () => {
    await runWith(fakeRunner({ kernels: KERNELS }), 'matrix', ...ASKED, '--json', file('real.json'))
    const refused = async (kernels: Readonly<Record<string, string>>, ...argv: string[]) => {
      const { code, err } = await runWith(fakeRunner({ kernels }), 'replay', ...argv)
      expect(code).toBe(2)
      return err
    }
    expect(await refused({ 'debian 12': 'debian-12 6.1.0-99-686' }, file('real.json'), '--cell', NAMED)).toContain(
      'was measured on debian-12 6.1.0-53-686, and the kernel of debian 12 here is debian-12 6.1.0-99-686',
    )
    expect(await refused({}, file('real.json'), '--cell', NAMED)).toContain('the kernel of debian 12 here is none')
    expect(await refused(KERNELS, 'rhel 7.9/ws2022/trim', '--real')).toContain('--real: no kernel of these guests')
    expect(await refused(KERNELS, file('real.json'), '--real')).toContain('a file says itself what was measured')
  })

  it('finds a disagreement again, which is an error of ours', async () => {
    const runner = fakeRunner({ kernels: KERNELS, broken: (id) => id.startsWith('trim/real') })
    expect((await runWith(runner, 'matrix', ...ASKED, '--json', file('real.json'))).code).toBe(3)
    const { code, out } = await runWith(runner, 'replay', file('real.json'))
    expect(code).toBe(3)
    expect(textOf(out)).toContain('debian 12 on ws2022, trim: trim (real) fails, the same. trim works, the same')
  })

  it('is what the page and the report for a CI print of it', () => {
    const cell = { release: 'debian 12', host: 'ws2022', feature: 'trim', evidence: 'real' } as const
    expect(replayCommand(cell, { seed: 3, runs: 2 })).toBe(`vmbus replay ${NAMED} --seed 3 --runs 2 --real`)
  })
})

describe('text of an exchange', () => {
  it('is never wider than a terminal, and loses nothing', () => {
    const word = fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ09_()')), minLength: 1, maxLength: 120 })
    const says = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(' '))
    fc.assert(
      fc.property(says, fc.integer({ min: 5, max: 80 }), (text, width) => {
        const lines = folded(text, width)
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width)
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      }),
      { seed: 3 },
    )
    const step = fc.record({
      from: fc.constantFrom('guest' as const, 'host' as const),
      says,
      time: fc.nat(3_600_000_000),
      bytes: fc.nat(1 << 30),
      ring: fc.constantFrom('storvsc', 'fibre-channel', 'channel 12'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
        for (const line of exchangeText(steps).split('\n')) expect(line.length).toBeLessThanOrEqual(80)
      }),
      { seed: 3 },
    )
  })
})
