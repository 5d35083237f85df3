import { describe, expect, test } from 'vitest'
import { ALL_VERSIONS, Version, versionName } from '../src/index.ts'
import { instance, pair, probeDriver } from './pair.ts'

describe.each(ALL_VERSIONS.map((version) => [versionName(version), version] as const))('both ends at version %s', (_name, version) => {
  test('connect, open, echo, close by rescind, unload; every page comes back', () => {
    const world = pair({ hostVersions: [version], guestVersions: [version] })
    const { host, guest, counts, device } = world
    const before = world.available
    const handle = host.offer(device({ instanceId: instance(1) }))
    host.offer(device({ instanceId: instance(2) }))
    guest.start()
    world.settle()
    expect(guest.phase).toBe('running')
    expect([host.version, guest.version]).toEqual([version, version])
    expect([counts.ended['open'], counts.waiting.size]).toEqual([2, 0])
    expect(guest.devices.map((each) => each.channels[0]?.state)).toEqual(['open', 'open'])

    expect(probeDriver(world).ping()).toBe(true)
    world.settle()
    expect([counts.pings, counts.pongs]).toEqual([1, 1])

    handle.rescind()
    world.settle()
    expect(counts.rescinds).toBe(1)
    expect(host.inspect()['channels']).toHaveLength(1)
    guest.unload()
    world.settle()
    expect(guest.phase).toBe('off')
    if (version >= Version.v1_1) expect(host.version).toBe(0)
    // The hypercall page stays.
    expect(world.available).toBe(before - 1)
    expect(counts.violations).toEqual([])
    expect(world.diagnostics).toEqual([])
  })
})
