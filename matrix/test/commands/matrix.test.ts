import { once } from 'node:events'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { main } from '../../src/main.ts'
import { THREE, ownFolder, run, runWith } from './command.ts'
import { fakeRunner } from './fake-runner.ts'

const { file, results } = ownFolder()

describe('vmbus matrix', () => {
  it('keeps what it measured as a file that is whole, and tells it in three lines', async () => {
    const { code, out } = await run('matrix', ...THREE, '--json', file('run.json'), '--html', file('run.html'))
    expect(code).toBe(0)
    const { releases, hosts, features, executions, stories, cells } = results('run.json')
    expect(releases.map(({ key, generation }) => [key, generation])).toEqual([
      ['rhel 6.4', 'rhel-6.4'],
      ['rhel 7.8', 'rhel-7.8'],
      ['rhel 7.9', 'rhel-7.9'],
    ])
    expect(hosts.map(({ id }) => id)).toEqual(['ws2008r2', 'ws2012r2', 'ws2022'])
    // In the order of the published rows.
    expect(features.map(({ id, probes }) => [id, probes])).toEqual([
      ['trim', ['trim']],
      ['kvp', ['kvp']],
    ])
    // Each value of vpd on each host, and key-value exchange once a host: RHEL 7.8 and 7.9 share theirs.
    expect(executions).toHaveLength(9)
    const story = (release: number, host: number, feature: number) =>
      stories[cells[release]?.[host * 2 + feature] ?? -1]
    expect(story(0, 2, 0)).toMatchObject({
      outcome: 'no-driver',
      evidence: 'simulated-sourced',
      verdict: 'agrees',
      decidedBy: { of: 'guest', field: 'vpd' },
    })
    expect(story(1, 2, 0)).toMatchObject({ outcome: 'works', evidence: 'simulated-inferred', verdict: 'agrees' })
    expect(story(2, 2, 1)).toMatchObject({
      outcome: 'partial',
      verdict: 'not-measured',
      reason: 'not measured: deleting keys',
    })
    expect(readFileSync(file('run.html'), 'utf8')).toBe('<html>seed 1</html>')
    const lines = out.trimEnd().split('\n').slice(-3)
    // TRIM: 2 guests on 3 hosts of 9; key-value exchange: all 3 guests on 2 hosts.
    // The pages mark key-value exchange of RHEL 6.4 on 2008 R2, where this runner has none, and nothing explains that.
    expect(lines[0]).toBe('12 of 18 cells work; pages: 7 agree, 1 differ, 1 unexplained.')
    expect(lines[1]).toBe('18 cells: 3 guests × 3 hosts × 2 features; 9 executions, seed 1.')
    expect(lines[2]).toBe(`Every cell with its story: ${file('run.html')}`)
  })

  it('gives the same bytes for the same seed, and other executions for another', async () => {
    await run('matrix', ...THREE, '--json', file('a.json'))
    await run('matrix', ...THREE, '--json', file('b.json'))
    await run('matrix', ...THREE, '--json', file('c.json'), '--seed', '2')
    expect(readFileSync(file('a.json'))).toEqual(readFileSync(file('b.json')))
    expect(results('c.json').executions.every(({ seed }) => seed === 2)).toBe(true)
  })

  it('takes every guest, host and feature when none is named', async () => {
    const { code, out } = await run('matrix', '--json', file('all.json'))
    expect(code).toBe(0)
    const all = results('all.json')
    expect([all.releases.length, all.hosts.length, all.features.length]).toEqual([472, 17, 30])
    expect(all.cells.flat()).toHaveLength(240_720)
    const story = (key: string, feature: string) => {
      const release = all.releases.findIndex((each) => each.key === key)
      return all.stories[all.cells[release]?.[all.features.findIndex(({ id }) => id === feature)] ?? -1]
    }
    expect(story('rhel 8.6', 'trim')).toMatchObject({ outcome: 'not-run', notRun: 'no-guest' })
    expect(story('rhel 8.6', 'vrss')).toMatchObject({ outcome: 'not-run', notRun: 'no-probe' })
    expect(story('rhel 8.6', 'secure-boot')).toMatchObject({ outcome: 'not-run', notRun: 'no-device' })
    expect(story('freebsd 9.3', 'trim')).toMatchObject({ outcome: 'no-driver', evidence: 'documented' })
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('tells its progress on the standard error, or not', async () => {
    expect((await run('matrix', ...THREE)).err).toContain('vmbus: 9 of 9 executions\n')
    expect((await run('matrix', ...THREE, '--quiet')).err).toBe('')
  })

  it('fails for an error of ours, after all was written', async () => {
    const runner = fakeRunner({ broken: (id) => id === 'trim/true/ws2022' })
    const { code, err } = await runWith(runner, ['matrix', ...THREE, '--quiet', '--json', file('run.json')])
    expect(code).toBe(3)
    // RHEL 7.8 and 7.9 share the execution.
    expect(err).toBe('vmbus: 2 cells ended with an error of ours (VMBUS_MATRIX)\n')
    expect(results('run.json').executions).toHaveLength(9)
  })

  it('fails on what it is asked for', async () => {
    // The pages of 2023 and 2025 mark TRIM for RHEL 7.7; this one asks for no VPD page, and nothing explains that.
    const argv = ['matrix', '--release', 'rhel 7.7', '--host', 'ws2022', '--feature', 'trim', '--quiet']
    const { code, err } = await run(...argv, '--fail-on', 'unexplained')
    expect([code, err]).toEqual([1, 'vmbus: 1 cells are what --fail-on unexplained asks for (VMBUS_FINDINGS)\n'])
    expect((await run(...argv)).code).toBe(0)
    expect((await run(...argv, '--fail-on', 'our-bug')).code).toBe(0)
    expect((await run(...argv, '--fail-on', 'our-bug,differs')).code).toBe(1)
    const explained = ['matrix', '--release', 'rhel 7.8,rhel 7.9', '--host', 'ws2022', '--feature', 'trim,kvp']
    expect((await run(...explained, '--fail-on', 'unexplained')).code).toBe(0)
  })

  it('tells what changed since an earlier run', async () => {
    await run('matrix', ...THREE, '--json', file('old.json'))
    const runner = fakeRunner({ broken: (id) => id === 'trim/true/ws2022' })
    const since = ['matrix', ...THREE, '--quiet', '--since', file('old.json'), '--fail-on', 'worse']
    const { code, out } = await runWith(runner, since)
    expect(code).toBe(3)
    expect(out).toContain('worse trim: works → error (2)\n    rhel 7.8, rhel 7.9 on ws2022\n')
    expect(out).toContain('2 cells changed, 2 for the worse\n')
    const same = await run(...since)
    expect([same.code, same.out.includes('0 cells changed, 0 for the worse\n')]).toEqual([0, true])
  })

  it('keeps what had ended when it is interrupted', async () => {
    const stop = new AbortController()
    let started = 0
    const runner = fakeRunner({ onTask: () => void (++started === 4 && stop.abort()) })
    const { code, out, err } = await runWith(
      runner,
      ['matrix', ...THREE, '--quiet', '--json', file('cut.json')],
      stop.signal,
    )
    expect([code, err]).toEqual([130, 'vmbus: interrupted\n'])
    const { executions, stories } = results('cut.json')
    expect(executions).toHaveLength(3)
    expect(stories.some(({ notRun }) => notRun === 'not-finished')).toBe(true)
    expect(out).toContain('not-finished')
  })

  it('writes a suite for each guest', async () => {
    const runner = fakeRunner({ broken: (id) => id.startsWith('kvp') })
    await runWith(runner, [
      'matrix',
      '--release',
      'rhel 7.9,rhel 8.6',
      '--host',
      '2019,2022',
      '--feature',
      'trim,kvp',
      '--junit',
      file('r.xml'),
    ])
    expect(readFileSync(file('r.xml'), 'utf8')).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="vmbus matrix">
  <testsuite name="rhel 7.9" tests="2" failures="1" skipped="0">
    <testcase classname="rhel 7.9" name="trim"/>
    <testcase classname="rhel 7.9" name="kvp"><failure message="on ws2019, ws2022">ws2019: error, not-measured. it broke
  vmbus replay rhel-7.9/ws2019/kvp --seed 1
ws2022: error, not-measured. it broke
  vmbus replay rhel-7.9/ws2022/kvp --seed 1</failure></testcase>
  </testsuite>
  <testsuite name="rhel 8.6" tests="2" failures="0" skipped="2">
    <testcase classname="rhel 8.6" name="trim"><skipped message="no tree of this release was read"/></testcase>
    <testcase classname="rhel 8.6" name="kvp"><skipped message="no tree of this release was read"/></testcase>
  </testsuite>
</testsuites>
`)
  })
})

describe('vmbus itself', () => {
  it('measures a cell on simulated guests, and makes the page', async () => {
    const argv = ['matrix', '--release', 'debian 12', '--host', '2008r2,ws2022', '--feature', 'kvp', '--runs', '1']
    let out = ''
    const streams = { out: (part: string) => void (out += part), err: () => undefined }
    const files = ['--json', file('real.json'), '--html', file('real.html')]
    expect(await main([...argv, ...files], streams, new AbortController().signal)).toBe(0)
    // Debian 12 asks for VMBus 2.4 at least, which Windows Server 2008 R2 does not speak.
    expect(out).toMatch(/^kvp {2}✗'? ?✓/m)
    expect(out).toContain(`Every cell with its story: ${file('real.html')}\n`)
    expect(readFileSync(file('real.html'), 'utf8')).toContain('debian 12')
    expect(
      results('real.json')
        .executions.map(({ outcome }) => outcome)
        .toSorted(),
    ).toEqual(['fails', 'works'])
  })
})

describe('a queue that is not there', () => {
  // Nothing listens at port 1.
  it.each(['worker', 'matrix'])('is told in one line by vmbus %s', async (command) => {
    let err = ''
    const streams = { out: () => expect.unreachable(), err: (part: string) => void (err += part) }
    const more = command === 'matrix' ? ['--release', 'debian 12', '--host', 'ws2022', '--seed', '424242'] : []
    const argv = [command, '--queue', 'redis://:secret@127.0.0.1:1', ...more]
    expect(await main(argv, streams, new AbortController().signal)).toBe(2)
    // Refused; without a network at all, not even a loopback, out of reach: what Node itself says of the same address.
    const refused: unknown = await once(connect(1, '127.0.0.1'), 'connect').catch((error: unknown) => error)
    const message = refused instanceof Error ? refused.message : expect.unreachable()
    expect(err).toBe(`vmbus: cannot use redis://127.0.0.1:1/0: ${message} (VMBUS_QUEUE_REDIS)\n`)
  })
})

describe('real kernels', () => {
  it('are told before they begin by how much there is to do', async () => {
    const runner = fakeRunner({ kernels: { 'debian 12': 'debian-12 6.1' } })
    const asked = [
      '--release',
      'rhel 7.9,debian 12',
      '--host',
      'ws2016,ws2022',
      '--feature',
      'trim,kvp',
      '--workers',
      '1',
    ]
    const { err } = await runWith(runner, ['matrix', ...asked, '--real'])
    // One kernel, two hosts, two probes; 7 s each.
    expect(err).toMatch(/^vmbus: 4 executions on real kernels, about 1 min unless/)
  })
})

describe('vmbus diff', () => {
  it('ends with 1 when a cell got worse, and with 0 when one got better', async () => {
    await run('matrix', ...THREE, '--json', file('good.json'))
    await runWith(fakeRunner({ broken: (id) => id.startsWith('trim/true') }), [
      'matrix',
      ...THREE,
      '--json',
      file('bad.json'),
    ])
    const worse = await run('diff', file('good.json'), file('bad.json'))
    expect(worse.code).toBe(1)
    expect(worse.out).toContain('worse trim: works → error (6)\n    rhel 7.8, rhel 7.9 on ws2008r2, ws2012r2, ws2022\n')
    const better = await run('diff', file('bad.json'), file('good.json'))
    expect(better.code).toBe(0)
    expect(better.out).toContain('trim: error → works (6)')
  })

  it('refuses a file that is none of results, and says where', async () => {
    await run('matrix', ...THREE, '--json', file('a.json'))
    const broken = readFileSync(file('a.json'), 'utf8').replace('"outcome":"works"', '"outcome":"fine"')
    writeFileSync(file('b.json'), broken)
    const { code, err } = await run('diff', file('a.json'), file('b.json'))
    expect(code).toBe(2)
    expect(err).toMatch(
      /b\.json: (?:executions|stories)\.\d+\.outcome is "fine", expected: .*\(VMBUS_RESULTS_INVALID\)/,
    )
    expect((await run('diff', file('none.json'), file('a.json'))).err).toMatch(/cannot read .*none\.json.*VMBUS_USAGE/)
  })
})

describe('vmbus explain', () => {
  it('names the deciding value with its source, and the pages with their dates', async () => {
    const { code, out } = await run('explain', 'rhel-6.4', 'ws2016', 'trim')
    expect(code).toBe(0)
    const text = out.replaceAll('\n', ' ')
    expect(text).toMatch(
      /^TRIM support, rhel 6\.4 \(kernel 2\.6\.32-\S+\) on Windows Server 2016: does not work, since the guest lacks it: no VPD page is asked for\./,
    )
    expect(text).toContain("It is decided by one value: the guest's vpd is no (source-read: a tree that was read).")
    expect(text).toContain('Evidence: simulated, of values that were read in sources.')
    expect(text).toMatch(/The page of 2023-09-27 \(Supported-CentOS\S+\.md, column 6\.4\) says no\./)
    expect(text).toContain('That agrees.')
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('names the neighbours that come out otherwise, with the value that differs', async () => {
    const { out } = await run('explain', 'rhel-7.9', 'ws2016', 'trim')
    expect(out.replaceAll('\n', ' ')).toContain(
      'Beside it: rhel 7.7 on the same host, whose vpd is no and not yes, does not work, since the guest lacks it.',
    )
    // The service is on every host from 2012 on.
    const kvp = await run('explain', 'rhel-7.9', '2008r2', 'kvp')
    expect(kvp.out.replaceAll('\n', ' ')).toContain('Beside it: the same guest on Windows Server 2012 works in part.')
    await run('matrix', ...THREE, '--json', file('a.json'))
    const { out: read } = await run('explain', 'rhel7.8', '2022', 'trim', '--from', file('a.json'))
    expect(read.replaceAll('\n', ' ')).toContain('Beside it: rhel 6.4 on the same host, whose vpd is no and not yes,')
  })

  it('takes names as they come, without quotes', async () => {
    const { code, out } = await run('explain', 'Debian', '12', '2025', 'TRIM')
    expect(code).toBe(0)
    expect(out).toMatch(/^TRIM support, debian 12 .*on Windows Server 2025: works\./)
    expect(out.replaceAll('\n', ' ')).toContain('No page speaks of it.')
  })

  it('takes a cell from results, and says which are not there', async () => {
    await run('matrix', ...THREE, '--json', file('a.json'))
    const { out } = await run('explain', 'rhel7.9', '2022', 'kvp', '--from', file('a.json'))
    expect(out.replaceAll('\n', ' ')).toContain('works in part: not measured: deleting keys.')
    const { code, err } = await run('explain', 'debian 12', '2022', 'kvp', '--from', file('a.json'))
    expect([code, err]).toEqual([2, `vmbus: ${file('a.json')} has no cell for debian 12, ws2022, kvp (VMBUS_USAGE)\n`])
  })
})

describe('lists', () => {
  it('of guests say what stands for each', async () => {
    const { out } = await run('guests', 'rhel', '7.*')
    const lines = out.split('\n')
    expect(lines[0]).toMatch(/^guest +drivers +support +kernel +simulated as$/)
    expect(lines.filter((line) => line.startsWith('rhel 7.'))).toHaveLength(10)
    expect(out).toMatch(/^rhel 7\.9 +built-in +\S+ +3\.10\.0-1160 +rhel-7\.9$/m)
    expect(out).toMatch(/^rhel 7\.0 +built-in .*– no tree of this release was read$/m)
  })

  it('of hosts and features name each', async () => {
    const hosts = await run('hosts')
    expect(hosts.out.trimEnd().split('\n')).toHaveLength(18)
    expect(hosts.out).toMatch(/^ws2022 +20348 +5\.3 +\S+ +Windows Server 2022$/m)
    const features = await run('features', 'storage')
    expect(
      features.out
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split(' ')[0]),
    ).toEqual(['vhdx-resize', 'virtual-fc', 'live-backup', 'trim', 'scsi-wwn'])
    for (const line of `${hosts.out}${features.out}`.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })
})

describe('vmbus can-run', () => {
  it.each([
    ['aix', 1, /^aix cannot run\. AIX runs on POWER alone/],
    ['Solaris 11', 0, /^solaris runs over emulated devices only, without integration services\. Solaris has/],
    ['omnios', 0, /^illumos runs, with drivers of its own\./],
    ['rhel 7.9', 0, /^rhel 7\.9 runs, with integration services: they are built in\. $/],
    ['rhel 5.2', 0, /^rhel 5\.2 runs over emulated devices only, without integration services\. the kernel has no/],
    ['freebsd 9.3 + port', 0, /^freebsd 9\.3 \+ port runs, with integration services: a port brings them\. $/],
    ['windows server 2022', 0, /^windows server 2022 runs, with integration services: they are built in\. $/],
  ])('%s: %i', async (name, code, text) => {
    const ran = await run('can-run', ...name.split(' '))
    expect(ran.code).toBe(code)
    expect(ran.out.replaceAll('\n', ' ')).toMatch(text)
  })

  it('of what nobody knows is bad usage', async () => {
    const { code, err } = await run('can-run', 'templeos')
    expect([code, err]).toEqual([2, 'vmbus: nothing is known of templeos (vmbus guests lists what is) (VMBUS_USAGE)\n'])
  })
})

describe('bad input of the matrix gets one clear line and exit code 2, before anything runs', () => {
  it.each([
    [['matrix', '--release', 'rhel 99'], /unknown guest: rhel 99 \(such as .*rhel /],
    [['matrix', '--release', 'beos 5'], /unknown guest: beos 5 \(vmbus guests lists them\)/],
    [['matrix', '--host', 'ws1999'], /unknown host: ws1999 \(one of ws2008, .*ws2025/],
    [['matrix', '--feature', 'teleport'], /unknown feature: teleport \(one of core, /],
    [['matrix', '--feature', 'memory r,dm'], /more than one feature: dm \(dm-hot-add, dm-ballooning\)/],
    [['matrix', '--release', ','], /no guest is named/],
    [['matrix', '--seed', '-1'], /not a seed/],
    [['matrix', '--runs', '0'], /not a number of runs: 0/],
    [['matrix', '--workers', 'many'], /not a number of workers: many/],
    [['matrix', '--shard', '0/4'], /not a shard: 0\/4 \(such as 2\/4/],
    [['matrix', '--shard', '5/4'], /not a shard/],
    [['matrix', '--fail-on', 'rain'], /unknown kind of failure: rain \(differs, unexplained, our-bug, worse\)/],
    [['matrix', '--fail-on', 'worse'], /--fail-on worse needs --since/],
    [['matrix', '--queue', 'http://me:secret@host'], /not a queue: http:\/\/host \(such as redis:\/\/host:6379\/0/],
    [['matrix', '--queue', 'redis://host', '--workers', '2'], /give one of --workers and --queue/],
    [['worker'], /required option '--queue <url>' not specified/],
    [['worker', '--queue', '10.0.0.5'], /not a queue: 10\.0\.0\.5/],
    [['worker', '--queue', 'redis://host', '--workers', '0'], /not a number of workers: 0/],
    [['explain', 'rhel', '7.9'], /explain needs a release, a host and a feature/],
    [['explain', 'rhel 7.*', 'ws2022', 'trim'], /more than one guest: rhel 7\.\*/],
    [['explain', 'rhel 7.9', 'win10*', 'trim'], /more than one host/],
    [['explain', 'rhel 7.9', 'ws2022', 'storage'], /more than one feature: storage/],
    [['merge'], /missing required argument/],
  ] as const)('%j', async (argv, line) => {
    const runner = fakeRunner({ onTask: () => expect.unreachable() })
    const { code, err, out } = await runWith(runner, argv)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(line)
  })

  it('and leaves no file behind', async () => {
    const { code } = await run('matrix', '--json', file('a.json'), '--junit', file('none/b.xml'))
    expect(code).toBe(2)
    expect((await run('matrix', '--json', file('a'), '--html', file('a'))).code).toBe(2)
    expect(readdirSync(file('.'))).toEqual([])
  })
})
