import fc from 'fast-check'
import { Version } from '../src/index.ts'
import type { GuestChannel } from '../src/index.ts'
import type { HostDeviceHandle } from '../src/index.ts'
import {
  instance,
  noCounts,
  pair,
  type Interrupts,
  type Pair,
  type PairOptions,
  type ProbeDriver,
  type ProbeHost,
} from './pair.ts'
import { leftovers, watch, type Watch } from './watch.ts'

/** One thing that an owner, a driver or the world does. Numbers pick among what is there, so that shrinking keeps meaning. */
export type Action =
  | { readonly do: 'offer' | 'rescind'; readonly device: number }
  | { readonly do: 'subchannels'; readonly device: number; readonly count: number }
  | { readonly do: 'open' | 'close' | 'ping'; readonly channel: number }
  | { readonly do: 'grant'; readonly channel: number; readonly count: number }
  | { readonly do: 'ungrant'; readonly channel: number }
  | { readonly do: 'retarget'; readonly channel: number; readonly vp: number }
  | { readonly do: 'steps'; readonly count: number }
  | {
      readonly do:
        | 'settle'
        | 'unload'
        | 'start'
        | 'suspend'
        | 'resume'
        | 'pause'
        | 'unpause'
        | 'save'
        | 'reset'
        | 'monitor'
    }

const DEVICES = 4
const index = fc.nat({ max: 7 })

export const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('offer', 'rescind'), device: fc.nat({ max: DEVICES - 1 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('subchannels'),
      device: fc.nat({ max: DEVICES - 1 }),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('open', 'close', 'ping'), channel: index }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('grant'), channel: index, count: fc.integer({ min: 1, max: 90 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ungrant'), channel: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retarget'), channel: index, vp: fc.nat({ max: 2 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('steps'), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('settle', 'settle', 'start', 'resume', 'unpause', 'save', 'monitor') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('unload', 'suspend', 'pause') }) },
) as fc.Arbitrary<Action>

/** A world on which actions run; those that make no sense in its state do nothing. */
export interface Life {
  readonly world: Pair
  readonly watch: Watch
  run(action: Action): void
  /** Lets everything end and the guest leave, and returns every broken invariant. */
  finish(): string[]
}

function life(options: PairOptions = {}): Life {
  const world = pair({ autoOpen: false, pages: 320, ...options, counts: options.counts ?? noCounts() })
  const before = world.available
  const watching = watch(world)
  const handles = new Map<number, HostDeviceHandle<ProbeHost>>()
  let paused = false
  let started = false

  const channels = (): { channel: GuestChannel; driver: ProbeDriver }[] =>
    world.guest.devices.flatMap((device) =>
      device.channels.map((channel) => ({ channel, driver: device.driver as ProbeDriver })),
    )
  const pick = (
    number: number,
    where: (channel: GuestChannel, driver: ProbeDriver) => boolean,
  ): { channel: GuestChannel; driver: ProbeDriver } | undefined => {
    const fitting = channels().filter(({ channel, driver }) => where(channel, driver))
    return fitting[number % Math.max(1, fitting.length)]
  }
  const usable = (): boolean => world.guest.phase === 'running' || world.guest.phase === 'requesting'

  function perform(step: Action): void {
    const { host, guest, device } = world
    switch (step.do) {
      case 'offer':
        if (handles.get(step.device)?.rescinded !== false)
          handles.set(step.device, host.offer(device({ instanceId: instance(step.device) })))
        return
      case 'rescind':
        handles.get(step.device)?.rescind()
        handles.delete(step.device)
        return
      case 'subchannels':
        return find(step.device)?.subchannels(step.count)
      case 'open': {
        const found = usable() ? pick(step.channel, (channel) => channel.state === 'offered') : undefined
        return found?.driver.open(found.channel)
      }
      case 'close': {
        const found = usable() ? pick(step.channel, (channel) => channel.state === 'open') : undefined
        return found?.driver.close(found.channel)
      }
      case 'ping': {
        const found = usable() ? pick(step.channel, (channel) => channel.state === 'open') : undefined
        return void found?.driver.ping(found.driver.channels.indexOf(found.channel))
      }
      case 'grant': {
        if (!usable() || world.available < step.count + 20) return
        const found = pick(step.channel, (channel) => channel.state !== 'rescinded')
        return found?.driver.grant(found.channel, step.count)
      }
      case 'ungrant': {
        const found = usable()
          ? pick(step.channel, (channel, driver) => driver.gpadls.some((id) => owns(channel, driver, id)))
          : undefined
        const id = found?.driver.gpadls.find((each) => owns(found.channel, found.driver, each))
        return id === undefined ? undefined : found?.driver.ungrant(found.channel, id)
      }
      case 'retarget': {
        const found = usable()
          ? pick(
              step.channel,
              (channel) =>
                channel.state === 'open' &&
                !world.counts.waiting.has(`modify ${channel.offer.instanceId} ${channel.offer.subchannelIndex}`),
            )
          : undefined
        return found?.driver.retarget(found.channel, step.vp)
      }
      case 'steps':
        for (let count = 0; count < step.count; count++) world.step()
        return
      case 'settle':
        return paused ? undefined : world.settle()
      case 'start':
        started = true
        return guest.phase === 'off' || guest.phase === 'failed' ? guest.start() : undefined
      case 'unload':
        return guest.unload()
      case 'suspend':
        return guest.suspend()
      case 'resume':
        return guest.resume()
      case 'pause':
        host.pause()
        paused = true
        return watching.silent()
      case 'unpause':
        watching.look()
        watching.speaks()
        host.resume()
        paused = false
        return
      case 'save': {
        const saved = world.save()
        world.restore(saved)
        for (const [number] of handles) {
          const handle = host.devices.find((each) => each.instanceId === instance(number))
          if (handle === undefined) handles.delete(number)
          else handles.set(number, handle as HostDeviceHandle<ProbeHost>)
        }
        return
      }
      case 'monitor':
        return host.monitor()
      case 'reset':
        return host.reset()
    }
  }

  const find = (number: number): ProbeHost | undefined => {
    const handle = handles.get(number)
    return handle === undefined || handle.rescinded ? undefined : handle.device
  }

  return {
    world,
    watch: watching,
    run(step) {
      perform(step)
      watching.look()
    },
    finish() {
      if (paused) perform({ do: 'unpause' })
      world.settle()
      if (world.guest.phase === 'suspended') world.guest.resume()
      world.settle()
      watching.look()
      const waiting = [...world.counts.waiting].map((each) => `never answered: ${each}`)
      world.guest.unload()
      world.settle()
      watching.look()
      const silent = world.memory.bytes.slice()
      for (const handle of world.host.devices) handle.rescind()
      for (const number of [1, 2]) world.host.offer(world.device({ instanceId: instance(100 + number) }))
      world.host.monitor()
      world.settle()
      const wrote = Buffer.compare(silent, world.memory.bytes) === 0 ? [] : ['the host wrote guest memory after UNLOAD']
      const pages = world.available - before + (started ? 1 : 0)
      return [
        ...world.counts.violations,
        ...watching.violations,
        ...waiting,
        ...leftovers(world),
        ...wrote,
        ...(world.guest.phase === 'off' ? [] : [`guest is ${world.guest.phase}`]),
        ...(started && pages !== 0 ? [`${pages} pages`] : []),
      ]
    },
  }
}

const owns = (channel: GuestChannel, driver: ProbeDriver, id: number): boolean => driver.owner(id) === channel

/** A life in which both ends speak one version, and the first device is open. */
export function liveAt(version: number, interrupts: Interrupts = 'deferred'): Life {
  const made = life({ hostVersions: [version], guestVersions: [version], interrupts })
  made.run({ do: 'offer', device: 0 })
  made.run({ do: 'start' })
  made.run({ do: 'settle' })
  made.run({ do: 'open', channel: 0 })
  made.run({ do: 'settle' })
  return made
}

/** Versions under which lives are tried. */
export const VERSION_CHOICE = fc.constantFrom(...Object.values(Version))
