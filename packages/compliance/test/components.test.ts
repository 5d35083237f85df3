import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { linux } from '@vmbus/guest-linux'
import { heartbeat } from '@vmbus/heartbeat'
import { HEARTBEAT_INTERFACE, HEARTBEAT_VERSIONS } from '@vmbus/heartbeat/protocol'
import { ws2008, ws2012, ws2016, ws2022, type HostProfile } from '@vmbus/host'
import { HResult, IcType, icGuest } from '@vmbus/ic'
import { shutdown, type ShutdownRequest } from '@vmbus/shutdown'
import { simulate } from '@vmbus/simulation'
import { timesync } from '@vmbus/timesync'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { describe, expect, it } from 'vitest'

const seconds = (count: number): bigint => BigInt(count * TICKS_PER_SECOND)
const E_FAIL = 0x80004005

describe('heartbeat', () => {
  it('counts the beats that a stopped guest loses, and recovers with it', async () => {
    await using world = simulate({ seed: 1 })
    const device = heartbeat({})
    const host = world.host(ws2022, [device])
    const guest = world.guest(linux('6.1'))
    const beats = host.device(guest.attach(host), device)
    expect(beats.status).toBe('no-contact')
    await guest.until('host:heartbeat:beat')
    expect(beats.status).toBe('ok-applications-unknown')

    const { answered } = beats.counts
    guest.pause()
    world.run({ seconds: 11 })
    // Beats are due at 2, 4, 6, 8 and 10 s: the first goes out and stays unanswered, four find it so.
    expect(beats.status).toBe('lost-communication')
    expect(beats.counts).toMatchObject({ answered, lost: 4 })
    guest.resume()
    world.run({ seconds: 3 })
    expect(beats.status).toBe('ok-applications-unknown')
    expect(beats.counts.answered).toBeGreaterThan(answered)
  })

  it('shows the application state of a guest that reports one', async () => {
    await using world = simulate({ seed: 1 })
    const device = heartbeat({})
    const host = world.host(ws2016, [device])
    const guest = world.guest(
      linux('6.1', { modules: [], drivers: [heartbeat.driver({ applicationState: 'critical' })] }),
    )
    const beats = host.device(guest.attach(host), device)
    await guest.until('host:heartbeat:beat')
    expect(beats.counts.applicationState).toBe(2)
    expect(beats.status).toBe('ok-applications-critical')
  })

  it('counts a wrong answer as a lost beat', async () => {
    await using world = simulate({ seed: 1 })
    const device = heartbeat({})
    const host = world.host(ws2016, [device])
    // Answers every message with the host's own bytes, so never with the next number.
    const echo = {
      kind: 'echo',
      interfaceIds: [HEARTBEAT_INTERFACE],
      create: (deps: GuestDriverDeps): GuestDriver => {
        const ic = icGuest(
          deps,
          { versions: HEARTBEAT_VERSIONS, match: 'exact', unmatched: 'answer' },
          { type: IcType.heartbeat, request: () => HResult.ok },
        )
        return {
          offered: (channel) => ic.offered(channel),
          opened: (channel, status) => ic.opened(channel, status),
          readable: (channel) => ic.readable(channel),
          rescinded: () => ic.reset(),
          save: () => ic.save(),
          restore: () => undefined,
          inspect: () => ({}),
        }
      },
    }
    const guest = world.guest(linux('6.1', { modules: [], drivers: [echo] }))
    const beats = host.device(guest.attach(host), device)
    await guest.until('host:heartbeat:lost')
    expect(beats.status).toBe('lost-communication')
    expect(beats.counts).toMatchObject({ answered: 0, lost: 1 })
  })
})

describe('time synchronisation', () => {
  it.each([
    ['message version 1.0', ws2008, '5.10'],
    ['message version 3.0', ws2012, '6.1'],
    ['message version 4.0', ws2022, '6.1'],
  ] as const)('sets a wrong clock with the first message: %s', async (_, profile: HostProfile, kernel) => {
    await using world = simulate({ seed: 3 })
    const host = world.host(profile, [timesync({})])
    const guest = world.guest(linux(kernel), { clockAhead: seconds(3600) })
    guest.attach(host)
    await guest.until('host:timesync:sync')
    world.run({ seconds: 1 })
    const off = guest.wallClock() - (world.epoch + BigInt(world.clock.now()))
    expect(off > -seconds(1) / 1000n && off < seconds(1) / 1000n).toBe(true)
  })

  it('disciplines with samples, and only beyond the threshold; a threshold of 0 turns samples off', async () => {
    for (const [sampleThreshold, ahead, disciplined] of [
      [TICKS_PER_SECOND, seconds(5), true],
      [TICKS_PER_SECOND * 10, seconds(5), false],
      [0, seconds(5), false],
    ] as const) {
      await using world = simulate({ seed: 4 })
      let offset = 0n
      const calls: bigint[] = []
      const now = (): bigint => world.epoch + BigInt(world.clock.now()) + offset
      const clock = {
        now,
        set: () => (offset = ahead),
        discipline: (fileTime: bigint) => void calls.push(fileTime - now() + offset),
      }
      const driver = timesync.driver({ clock, sampleThreshold })
      const guest = world.guest(linux('6.1', { modules: [], drivers: [driver] }))
      guest.attach(world.host(ws2022, [timesync({})]))
      await guest.until('host:timesync:sample')
      world.run({ seconds: 1 })
      expect(calls.length > 0).toBe(disciplined)
      for (const error of calls) expect(error > -seconds(1) / 1000n && error < seconds(1) / 1000n).toBe(true)
    }
  })

  it('refuses a sample that waited longer than ten minutes', async () => {
    await using world = simulate({ seed: 5 })
    const device = timesync({})
    const host = world.host(ws2022, [device])
    const sets: bigint[] = []
    const clock = {
      now: () => 0n,
      set: (fileTime: bigint) => void sets.push(fileTime),
      discipline: (fileTime: bigint) => void sets.push(fileTime),
    }
    const guest = world.guest(linux('6.1', { modules: [], drivers: [timesync.driver({ clock })] }))
    const time = host.device(guest.attach(host), device)
    await guest.until('host:timesync:sync')
    world.run({ seconds: 1 })
    const before = sets.length
    guest.pause()
    world.run({ seconds: 700 })
    guest.resume()
    world.run({ ms: 100 })
    expect(sets.length).toBe(before)
    expect(time.counts.refused).toBe(1)
    // The next one is fresh.
    world.run({ seconds: 6 })
    expect(sets.length).toBeGreaterThan(before)
  })

  // In 300 s there are 60 samples. Linux drivers/hv/hv_util.c, adj_guesttime: the first 50, then all of them, then none.
  it.each([
    ['3.10', 51],
    ['4.4', 51],
    ['4.8', 51],
    ['4.9', 61],
    ['4.10', 61],
    ['4.11', 1],
    ['6.1', 1],
  ])('Linux %s sets its clock %i times in the five minutes after it starts', async (kernel, times) => {
    await using world = simulate({ seed: 6 })
    const guest = world.guest(linux(kernel))
    let sets = 0
    guest.on(({ kind }) => void (kind === 'clock-set' && sets++))
    guest.attach(world.host(ws2022, [timesync({})]))
    await guest.until('host:timesync:sync')
    world.run({ seconds: 301 })
    expect(sets).toBe(times)
  })

  it('sets the clock again when the host asks, as after a resume', async () => {
    await using world = simulate({ seed: 6 })
    const device = timesync({})
    const host = world.host(ws2022, [device])
    const guest = world.guest(linux('6.1'))
    const time = host.device(guest.attach(host), device)
    await guest.until('host:timesync:sample')
    world.run({ seconds: 1 })
    time.sync()
    world.run({ seconds: 1 })
    expect(time.counts.syncs).toBe(2)
  })
})

describe('shutdown', () => {
  interface Asked {
    readonly sent: string
    readonly again: string
    readonly answers: readonly unknown[]
    readonly power: string
  }

  async function asked(profile: HostProfile, request: ShutdownRequest, hibernation = false): Promise<Asked> {
    await using world = simulate({ seed: 7 })
    const device = shutdown({})
    const host = world.host(profile, [device])
    const guest = world.guest(linux('6.1', { hibernation }))
    const answers: unknown[] = []
    guest.on((event) => {
      if (event.kind === 'host' && event.name === 'shutdown:answered') answers.push(event.detail)
    })
    const power = host.device(guest.attach(host), device)
    expect(power.request(request)).toBe('not-connected')
    await guest.until('host:shutdown:ready')
    const sent = power.request(request)
    const again = power.request(request)
    world.run({ seconds: 5 })
    return { sent, again, answers, power: guest.power }
  }
  it.each([
    [{}, 'powered-off'],
    [{ force: true }, 'powered-off'],
    [{ action: 'restart' }, 'restarting'],
  ] as const)('%j ends as %s, answered before the guest acts', async (request, power) => {
    expect(await asked(ws2022, request)).toEqual({ sent: 'sent', again: 'busy', answers: [{ status: 0 }], power })
  })

  it('hibernates a guest that can, and is refused by one that cannot', async () => {
    expect(await asked(ws2022, { action: 'hibernate' }, true)).toMatchObject({
      answers: [{ status: 0 }],
      power: 'hibernated',
    })
    expect(await asked(ws2022, { action: 'hibernate' })).toMatchObject({
      sent: 'sent',
      answers: [{ status: E_FAIL }],
      power: 'running',
    })
  })

  it('is not asked for what the negotiated version does not have', async () => {
    expect(await asked(ws2012, { action: 'restart' })).toMatchObject({
      sent: 'not-supported',
      answers: [],
      power: 'running',
    })
    expect(await asked(ws2012, {})).toMatchObject({ sent: 'sent', power: 'powered-off' })
  })

  it('gives a request up after its time, ignores the late answer, and can be asked again', async () => {
    await using world = simulate({ seed: 7 })
    const device = shutdown({ answerSeconds: 5 })
    const host = world.host(ws2022, [device])
    const guest = world.guest(linux('6.1', { modules: ['hv_utils'] }))
    const heard: string[] = []
    guest.on((event) => {
      if (event.kind === 'host' && event.name.startsWith('shutdown:')) heard.push(event.name)
    })
    const power = host.device(guest.attach(host), device)
    await guest.until('host:shutdown:ready')
    heard.length = 0
    guest.pause()
    expect(power.request({ action: 'hibernate' })).toBe('sent')
    world.run({ seconds: 4 })
    expect(heard).toEqual([])
    world.run({ seconds: 2 })
    expect(heard).toEqual(['shutdown:abandoned'])
    expect(power.request({})).toBe('busy')
    guest.resume()
    world.run({ seconds: 1 })
    expect(heard).toEqual(['shutdown:abandoned'])
    expect(power.request({})).toBe('sent')
    await guest.until('powered-off')
    expect(heard).toEqual(['shutdown:abandoned', 'shutdown:answered'])
  })
})
