import fc from 'fast-check'
import { linux } from '@vmbus/guest-linux'
import { describe, expect, test } from 'vitest'
import { damaged, taken } from '@vmbus/world/testing'
import { simulate } from '../src/index.ts'
import { compareReplay, fromReplayFile, recordReplay, replayOptions, toReplayFile } from '../src/index.ts'
import { codeOf, scenario, type Scenario } from './scenario.ts'

/** Up, five seconds of life, down. */
async function live(options: Parameters<typeof scenario>[0]): Promise<Scenario> {
  const told = scenario(options)
  await told.guest.until('running')
  told.world.run({ seconds: 5 })
  told.shutdown()
  await told.guest.until('powered-off')
  return told
}

const sorted = (crossed: readonly string[]): string[] =>
  crossed.filter((line) => line.startsWith('message host')).toSorted()

describe('seeds', () => {
  test('the same seed gives the same bytes, another seed other ones and the same outcome', async () => {
    const [first, second, other] = [await live({ seed: 5 }), await live({ seed: 5 }), await live({ seed: 6 })]
    const replay = await recordReplay(first.world, { transcript: first.crossed })
    expect(await compareReplay(second.world, replay, { transcript: second.crossed })).toEqual([])
    expect(await compareReplay(other.world, replay, { transcript: other.crossed })).toContain('transcript')
    expect(other.guest.version).toBe(first.guest.version)
  })

  test('messages cross in other orders, and are the same messages', async () => {
    const orders = new Set<string>()
    for (let seed = 0; seed < 12; seed++) {
      const { crossed } = await live({ seed })
      orders.add(crossed.filter((line) => line.startsWith('message')).join('\n'))
      // GPADL ids and pages are given in the order of the probes, so only the kinds of messages can be compared.
      const kinds = sorted(crossed).map((line) => line.slice(0, 'message host 00000000'.length))
      expect(kinds).toEqual(
        [3, 5, 5, 5, 8, 8, 8, 14].map((id) => `message host ${id.toString(16).padStart(2, '0')}000000`),
      )
    }
    expect(orders.size).toBeGreaterThan(3)
  })
})

describe('a world', () => {
  test('saved and restored after any step changes no later byte', async () => {
    const told = scenario()
    const saves: { state: unknown; crossed: number }[] = []
    while (told.world.clock.now() < 55_000_000 && told.world.step())
      saves.push({ state: told.world.save(), crossed: told.crossed.length })
    told.shutdown()
    saves.push({ state: told.world.save(), crossed: told.crossed.length })
    await told.guest.until('powered-off')
    expect(saves.length).toBeGreaterThan(15)

    const again = scenario()
    for (const [index, { state, crossed }] of saves.entries()) {
      again.world.restore(state)
      const from = again.crossed.length
      while (again.world.clock.now() < 55_000_000 && index < saves.length - 1 && again.world.step());
      if (index < saves.length - 1) again.shutdown()
      await again.guest.until('powered-off')
      expect(again.crossed.slice(from)).toEqual(told.crossed.slice(crossed))
      expect(Buffer.compare(again.guest.memory.bytes, told.guest.memory.bytes)).toBe(0)
      expect(again.world.steps).toBe(told.world.steps)
    }
  })

  test('refuses a state of another world', () => {
    const { world } = scenario()
    const state = world.save()
    const code = 'VMBUS_SIMULATION_STATE'
    expect(codeOf(() => scenario({ seed: 2 }).world.restore(state))).toBe(code)
    expect(codeOf(() => simulate({ seed: 1 }).restore(state))).toBe(code)
    const unattached = simulate({ seed: 1 })
    unattached.guest(linux('6.1'))
    expect(codeOf(() => unattached.restore(state))).toBe(code)
    for (const junk of [null, 1, 'x', {}, { format: 'vmbus-world/1' }, []])
      expect(codeOf(() => world.restore(junk))).toBe('VMBUS_STATE_INVALID')
  })

  test('refuses a state with one thing wrong before it changes anything', async () => {
    const { world } = await live({ seed: 3 })
    // What devices, drivers and the system's services say of themselves is theirs to look at; RAM of any contents is RAM.
    const owned = /\.(devices\.\d+\.state|system\.(bus|services|pages))(\.|$)/
    const states = [...damaged(world.save(), (path) => owned.test(path))]
    expect(states.length).toBeGreaterThan(200)
    // RAM aside, which is too large to look at each time.
    const owner = { save: () => world.inspect(), restore: (state: unknown) => world.restore(state) }
    expect(taken(states, owner)).toEqual([])
  })
})

describe('a replay file', () => {
  test('comes back as it was written, with the options of its world', async () => {
    const { world } = await live({ seed: 9 })
    const replay = await recordReplay(world, { path: '1:2', versions: { node: '20.19.0' } })
    expect(fromReplayFile(toReplayFile(replay))).toEqual(replay)
    expect(replayOptions(replay)).toEqual({ seed: 9, epoch: world.epoch })
    expect(replay.digests['ram/guest-1']).toMatch(/^[0-9a-f]{64}$/)
  })

  test('is refused when it is anything else', () => {
    const code = 'VMBUS_REPLAY_INVALID'
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(codeOf(() => fromReplayFile(text))).toBe(code)
      }),
      { seed: 1, numRuns: 200 },
    )
    const good = { format: 'vmbus-replay/1', seed: 1, epoch: '0', path: '', versions: {}, steps: 0, digests: {} }
    expect(fromReplayFile(JSON.stringify(good))).toEqual(good)
    const bad = {
      format: 'vmbus-replay/2',
      seed: 0.5,
      epoch: '-1',
      path: 3,
      versions: { a: 1 },
      steps: '0',
      digests: null,
    }
    for (const [key, value] of Object.entries(bad))
      expect(codeOf(() => fromReplayFile(JSON.stringify({ ...good, [key]: value })))).toBe(code)
  })
})
