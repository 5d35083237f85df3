import { describe, expect, test } from 'vitest'
import { FILE, services, type Services } from './services.ts'

const E_FAIL = 0x80004005
const POOL = '/var/lib/hyperv/.kvp_pool_0'
const RECORD = 2560

/** A record of a pool file: the key in 512 bytes, the value in 2048 (tools/hv/hv_kvp_daemon.c, struct kvp_record). */
function record(key: string, value: string): Buffer {
  const bytes = Buffer.alloc(RECORD)
  bytes.write(key)
  bytes.write(value, 512)
  return bytes
}

describe('the key-value daemon', () => {
  test('keeps what the host sets in the real file, and the host reads what a program of the guest put in', async () => {
    const { guest, kvp, ended } = await services()
    const daemon = guest.surface.daemon('kvp')
    await ended('kvp:completed', kvp.set({ key: 'größe', value: '€' }))
    expect(daemon.items('external')).toEqual([{ key: 'größe', value: '€' }])
    expect(Buffer.from(guest.surface.files.read(POOL) ?? []).equals(record('größe', '€'))).toBe(true)
    expect(daemon.put('guest', { key: 'state', value: 'ready' })).toBe(0)
    expect((await ended('kvp:completed', kvp.enumerate({ pool: 'guest' }))).items).toEqual([
      { key: 'state', value: 'ready', type: 'string' },
    ])
    // Another program, with the file alone.
    guest.surface.files.put(POOL, Buffer.concat([record('a', '1'), record('b', '2'), Buffer.alloc(10)]))
    expect((await ended('kvp:completed', kvp.enumerate({ pool: 'external' }))).items?.map(({ key }) => key)).toEqual([
      'a',
      'b',
    ])
  })

  test('makes its files when it starts, and until then nothing is negotiated', async () => {
    const { world, guest, kvp, ended } = await services({ daemons: ['vss'] })
    const daemon = guest.surface.daemon('kvp')
    world.run({ seconds: 1 })
    expect([daemon.running, guest.surface.files.exists(POOL), kvp.get({ key: 'k' })]).toEqual([
      false,
      false,
      'not-connected',
    ])
    daemon.start()
    world.run({ seconds: 1 })
    expect([daemon.running, guest.surface.files.read(POOL)?.length]).toEqual([true, 0])
    expect(await ended('kvp:completed', kvp.set({ key: 'k', value: 'v' }))).toMatchObject({ outcome: 'ok' })
    daemon.stop()
    const late = kvp.set({ key: 'late', value: 'v' })
    world.run({ seconds: 1 })
    expect(daemon.items('external').map(({ key }) => key)).toEqual(['k'])
    daemon.start()
    expect(await ended('kvp:completed', late)).toMatchObject({ outcome: 'ok' })
    expect(daemon.items('external').map(({ key }) => key)).toEqual(['k', 'late'])
  })

  test('tells the distribution, its name and the release', async () => {
    const { kvp, ended } = await services({
      files: { '/etc/os-release': 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\n' },
      domainName: 'vm.example',
    })
    const { items = [] } = await ended('kvp:completed', kvp.enumerate({ pool: 'auto' }))
    expect(Object.fromEntries(items.map(({ key, value }) => [key, value]))).toMatchObject({
      FullyQualifiedDomainName: 'vm.example',
      OSName: 'Debian GNU/Linux',
      OSMajorVersion: '12',
      OSBuildNumber: '6.1',
    })
  })
})

describe('the backup daemon', () => {
  test('holds the file systems from the freeze to the thaw, and for as long as the host does not thaw', async () => {
    const { world, guest, vss, ended } = await services({ hold: true })
    const daemon = guest.surface.daemon('vss')
    const id = vss.backup({})
    await guest.until('host:vss:frozen')
    world.run({ seconds: 50 })
    expect(daemon.frozen).toBe(true)
    vss.snapshotDone(true)
    expect(await ended('vss:backup', id)).toMatchObject({ outcome: 'ok', consistent: true })
    expect(daemon.frozen).toBe(false)
  })

  test('when it is not there, or on a host without that version, there is no backup', async () => {
    const { guest, vss, ended } = await services()
    guest.surface.daemon('vss').stop()
    expect(await ended('vss:backup', vss.backup({}))).toMatchObject({
      outcome: 'failed',
      stage: 'check',
      status: E_FAIL,
    })
  })
})

describe('the file copy daemon', () => {
  test('puts files where the host says, and lists them', async () => {
    const { guest, copy, ended } = await services()
    const daemon = guest.surface.daemon('fcopy')
    expect(await ended('fcopy:completed', copy({}))).toMatchObject({ outcome: 'ok' })
    expect(await ended('fcopy:completed', copy({ path: '/a/b/', createPath: true }))).toMatchObject({ outcome: 'ok' })
    expect([...daemon.received].toSorted()).toEqual(['/a/b//file', '/tmp/file'])
    for (const path of daemon.received)
      expect(Buffer.compare(guest.surface.files.read(path) ?? new Uint8Array(), FILE)).toBe(0)
    daemon.stop()
    expect(await ended('fcopy:completed', copy({ name: 'other' }))).toMatchObject({ outcome: 'failed', status: E_FAIL })
  })

  test('leaves half a file when it is killed, as the real one does; a correct one leaves none', async () => {
    for (const quirks of [true, false]) {
      const { guest, copy, ended } = await services({ quirks })
      guest.on((event) => {
        if (event.kind === 'host' && event.name === 'fcopy:progress') guest.surface.daemon('fcopy').stop()
      })
      const id = copy({ path: '/tmp/', name: 'half' })
      expect(await ended('fcopy:completed', id)).toMatchObject({ outcome: 'failed' })
      const left = guest.surface.files.paths.filter((path) => path.startsWith('/tmp'))
      expect(left).toEqual(quirks ? ['/tmp/half'] : [])
    }
  })

  test('follows a path out of its folder, as the real one does; a correct one refuses it', async () => {
    for (const quirks of [true, false]) {
      const { guest, copy, ended } = await services({ quirks })
      const { outcome } = await ended('fcopy:completed', copy({ path: '/tmp/..', name: 'out' }))
      expect([outcome, guest.surface.files.exists('/out')]).toEqual(quirks ? ['ok', true] : ['failed', false])
    }
  })
})

const MOMENT = { ms: 1 }

/** What its owner does to a world, each thing at a moment of its own. */
const LIFE: readonly ((of: Services) => unknown)[] = [
  ({ kvp }) => kvp.set({ key: 'a', value: '1' }),
  ({ kvp }) => kvp.set({ key: 'b', value: '2' }),
  ({ kvp }) => kvp.delete({ key: 'a' }),
  ({ guest }) => guest.surface.daemon('kvp').stop(),
  ({ kvp }) => kvp.set({ key: 'late', value: '3' }),
  ({ guest }) => guest.surface.daemon('kvp').start(),
  ({ vss }) => vss.backup({}),
  ({ kvp }) => kvp.enumerate({ pool: 'external' }),
  ({ copy }) => copy({}),
  ({ vss }) => vss.snapshotDone(true),
  ({ guest }) => guest.surface.daemon('fcopy').stop(),
  ({ copy }) => copy({ name: 'refused' }),
]

describe('a world with daemons at work', () => {
  test('saved and restored at any moment changes no later byte, and no file', async () => {
    const told = await services({ hold: true })
    const saves: {
      readonly state: unknown
      readonly crossed: number
      readonly isWithin: boolean
      readonly rest: typeof LIFE
    }[] = []
    const frozen: boolean[] = []
    const save = (isWithin: boolean, next: number): void => {
      saves.push({ state: told.world.save(), crossed: told.crossed.length, isWithin, rest: LIFE.slice(next) })
      frozen.push(told.guest.surface.daemon('vss').frozen)
    }
    for (const [index, act] of LIFE.entries()) {
      save(false, index)
      act(told)
      // What was sent is in the ring, and the interrupt on its way.
      save(true, index + 1)
      told.world.run(MOMENT)
    }
    expect(frozen.filter(Boolean).length).toBeGreaterThan(3)
    const { surface } = told.guest
    expect(
      surface
        .daemon('kvp')
        .items('external')
        .map(({ key }) => key),
    ).toEqual(['b', 'late'])
    expect(surface.files.paths).toContain('/tmp/file')

    const again = await services({ hold: true })
    for (const { state, crossed, isWithin, rest } of saves) {
      again.world.restore(state)
      const from = again.crossed.length
      if (isWithin) again.world.run(MOMENT)
      for (const act of rest) {
        act(again)
        again.world.run(MOMENT)
      }
      // As one text: vitest compares lists item by item, here hundreds of lines for each of the saves.
      expect(again.crossed.slice(from).join('\n')).toBe(told.crossed.slice(crossed).join('\n'))
      expect(again.guest.surface.files.save()).toEqual(surface.files.save())
      expect(Buffer.compare(again.guest.memory.bytes, told.guest.memory.bytes)).toBe(0)
    }
  })
})
