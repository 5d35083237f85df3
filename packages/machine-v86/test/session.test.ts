import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createMachine,
  createSession,
  finish,
  loadEmulator,
  type Emulator,
  type Session,
  type SessionOptions,
  type SessionSnapshot,
} from '../src/index.ts'
import { sha256 } from '../src/image/cache.ts'
import { bootFromSnapshot, snapshotStore } from '../src/snapshots.ts'
import { codeOf } from './support/errors.ts'
import { tinyGuest } from './support/tiny-guest.ts'
import { host, type TrackedOptions } from './support/tracked-host.ts'

let emulator: Emulator
let folder: string
beforeAll(async () => {
  emulator = await loadEmulator()
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmbus-session-'))
})
afterEach(async () => rm(folder, { recursive: true, force: true }))

const base = (): SessionOptions => ({ emulator, image: tinyGuest(), memoryMB: 32 })
const toAgent = async (session: Session): Promise<void> => {
  expect(finish(session.until('agent', 10))).toEqual({ value: 'agent' })
}
const booted = async (options: Partial<SessionOptions> = {}): Promise<Session> => {
  const session = await createSession({ ...base(), ...options })
  await toAgent(session)
  return session
}

describe('snapshots of a booted guest', () => {
  const log = (): string[] =>
    existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8').trimEnd().split('\n') : []
  const one = async (more: Partial<TrackedOptions> = {}, limitBytes?: number): Promise<string[]> => {
    const before = log().length
    const options = { log: join(folder, 'log'), image: join(folder, 'image'), ...more }
    const sessionOptions: SessionOptions = { ...base(), host, hostOptions: options }
    const store = snapshotStore(
      join(folder, 'kept'),
      'a key',
      sessionOptions,
      limitBytes === undefined ? {} : { limitBytes },
    )
    const session = await bootFromSnapshot(store, sessionOptions, toAgent)
    session.close()
    return log().slice(before, -1)
  }
  const kept = (): Promise<string[]> => readdir(join(folder, 'kept'))

  it('are made again when the guest would find another host', async () => {
    const again = ['made', 'closed', 'made', 'closed', 'made', 'restored']
    await one()
    expect(await one({ shape: 'b' })).toEqual(again)
    expect(await one({ shape: 'b' })).toEqual(['made', 'restored'])
    expect(await one({ shape: 'b', privileges: 3 })).toEqual(again)
    expect((await kept()).length).toBe(1)
  })

  it('are made again when they are damaged', async () => {
    await one()
    const [name = ''] = await kept()
    await writeFile(join(folder, 'kept', name), 'half')
    expect(await one()).toEqual(['made', 'closed', 'made', 'restored'])
  })

  it('are not made again when the host itself cannot be made', async () => {
    await one()
    await writeFile(join(folder, 'image'), 'somebody else has it')
    await expect(one()).rejects.toMatchObject({ code: 'EEXIST' })
  })

  it('are made once for all that begin at once, and by each where nobody can be waited for', async () => {
    let boots = 0
    const begun = async (kept: string): Promise<number> => {
      boots = 0
      const store = snapshotStore(join(folder, kept, 'snapshots'), 'a key', base())
      const sessions = [1, 2, 3].map(() =>
        bootFromSnapshot(store, base(), async (session) => {
          boots++
          // A boot takes turns of its thread.
          await new Promise((resolve) => setTimeout(resolve, 20))
          await toAgent(session)
        }),
      )
      for (const session of await Promise.all(sessions)) session.close()
      return boots
    }
    expect(await begun('free')).toBe(1)
    expect(await readdir(join(folder, 'free', 'booting'))).toEqual([])
    await mkdir(join(folder, 'held'))
    await writeFile(join(folder, 'held', 'booting'), 'no folder')
    expect(await begun('held')).toBe(3)
  })

  it('take no more of the cache than they may: the ones used last stay', async () => {
    await one()
    const [mine = ''] = await kept()
    const { size } = await stat(join(folder, 'kept', mine))
    const others = ['a.v8', 'b.v8', 'not-ours']
    for (const [index, name] of others.entries()) {
      await writeFile(join(folder, 'kept', name), Buffer.alloc(size))
      await utimes(join(folder, 'kept', name), 1000 + index, 1000 + index)
    }
    await rm(join(folder, 'kept', mine))
    await one({}, 2.5 * size)
    expect((await kept()).sort()).toEqual([mine, 'b.v8', 'not-ours'].sort())
  })
})

describe('a session', () => {
  it('leaves nothing for later turns of its caller, however long it runs without one', async () => {
    const immediates = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Immediate').length
    const before = immediates()
    const session = await booted()
    for (let i = 0; i < 50; i++) {
      session.machine.type(1, Uint8Array.of(7))
      session.machine.interrupt(0, 0xf3)
      finish(session.run(0.01))
    }
    expect(immediates()).toBe(before)
  })

  it('refuses a snapshot of another kind, version, shape, machine or image, and touches nothing', async () => {
    const session = await booted()
    const good = session.snapshot()
    finish(session.run(0.1))
    const state = (): unknown => [sha256(session.machine.memory.bytes), session.machine.clock.now(), session.console]
    const before = state()
    const { cpu } = good.machine
    for (const bad of [
      undefined,
      {},
      { ...good, v: 99 },
      { ...good, kind: 'heartbeat' },
      { ...good, more: 1 },
      { ...good, agent: { ...good.agent, nextId: NaN } },
      { ...good, console: { ...good.console, milestones: [['agnet', 1]] } },
      { ...good, machine: { ...good.machine, v: 1 } },
      { ...good, machine: { ...good.machine, cpu: { ...cpu, processor: cpu.processor.subarray(1) } } },
      { ...good, machine: { ...good.machine, pending: [[256, 0]] } },
    ])
      expect(await codeOf(() => session.restore(bad as SessionSnapshot))).toBe('VMBUS_STATE_INVALID')
    expect(await codeOf(() => session.restore({ ...good, identity: 'x' }))).toBe('VMBUS_MACHINE_SNAPSHOT')
    expect(await codeOf(() => session.restore({ ...good, booted: {}, seen: 'x' }))).toBe('VMBUS_MACHINE_SNAPSHOT')
    const bigger = createMachine({ emulator, memoryMB: 64 })
    expect(await codeOf(() => bigger.restore(good.machine))).toBe('VMBUS_MACHINE_SNAPSHOT')
    expect(state()).toEqual(before)
    session.restore(good)
    expect(state()).not.toEqual(before)
  })

  it('whose host is closed is not restored', async () => {
    const hostOptions = { log: join(folder, 'log'), image: join(folder, 'image') }
    const session = await booted({
      host: (machine, options) => ({ ...host(machine, options), save: () => 1, restore: () => undefined }),
      hostOptions,
    })
    const snapshot = session.snapshot()
    session.close()
    expect(await codeOf(() => session.restore(snapshot))).toBe('VMBUS_MACHINE_STOPPED')
  })
})
