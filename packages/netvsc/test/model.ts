import fc from 'fast-check'
import { frameTo, GUEST_MAC, PEER_MAC, world as makeWorld, type World, type WorldOptions } from './world.ts'
import { NVSP_VERSIONS } from '../src/protocol.ts'

/** What may happen, as data. */
export type Action =
  | { readonly kind: 'guest-sends'; readonly length: number; readonly more: boolean; readonly queue: number }
  | { readonly kind: 'peer-sends'; readonly length: number }
  | { readonly kind: 'steps'; readonly count: number }
  | {
      readonly kind:
        | 'settle'
        | 'save'
        | 'remove'
        | 'stop'
        | 'vf'
        | 'no-vf'
        | 'to-vf'
        | 'to-synthetic'
        | 'unplug'
        | 'plug'
    }

const lengths = fc.integer({ min: 60, max: 1514 })
export const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('guest-sends' as const),
        length: lengths,
        more: fc.boolean(),
        queue: fc.nat(3),
      }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('peer-sends' as const), length: lengths }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('steps' as const), count: fc.integer({ min: 1, max: 6 }) }) },
    { weight: 3, arbitrary: fc.constantFrom<Action>({ kind: 'settle' }, { kind: 'save' }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Action>(
        { kind: 'remove' },
        { kind: 'stop' },
        { kind: 'vf' },
        { kind: 'no-vf' },
        { kind: 'to-vf' },
        { kind: 'to-synthetic' },
        { kind: 'unplug' },
        { kind: 'plug' },
      ),
    },
  ),
  { maxLength: 60 },
)
export const setups: fc.Arbitrary<WorldOptions> = fc.record({
  vps: fc.integer({ min: 1, max: 4 }),
  settings: fc.record({ versions: fc.subarray([...NVSP_VERSIONS], { minLength: 1 }) }),
  host: fc.record({ queues: fc.integer({ min: 1, max: 5 }) }),
  guest: fc.record({
    channels: fc.integer({ min: 1, max: 5 }),
    ringPages: fc.constantFrom(2, 4),
    pageRanges: fc.boolean(),
  }),
})

/**
 * Lives any life and checks that every frame arrives once, in order of its channel and unchanged, unless it was counted
 * as lost or its adapter was away; that nothing stays under way; and that no packet is completed twice or never.
 */
export function live(options: WorldOptions, life: readonly Action[]): void {
  const world = makeWorld(options)
  world.guest.start()
  const sent = new Map<string, number>()
  const offered = new Map<string, number>()
  let number = 0
  const key = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
  for (const action of life) act(world, action, () => number++, sent, offered, key)
  world.nic.connectLink()
  world.nic.dissociateVf()
  world.settle()
  world.driver.flush()
  world.settle()

  const arrivals = (frames: readonly { readonly bytes: Uint8Array }[], known: Map<string, number>): void => {
    const seen = new Set<string>()
    for (const { bytes } of frames) {
      const each = key(bytes)
      if (!known.has(each)) throw new Error('a frame arrived that nobody sent')
      if (seen.has(each)) throw new Error('a frame arrived twice')
      seen.add(each)
    }
  }
  arrivals(world.out, sent)
  arrivals(world.seen, offered)
  // The buses tell of answers and signals that a removal overtook; the adapter's ends have nothing to say.
  const told = world.diagnostics.find(({ source }) => source.startsWith('netvsc') || source.startsWith('channel'))
  if (told !== undefined) throw new Error(JSON.stringify(told))
  const quiet = life.every(
    ({ kind }) =>
      kind === 'guest-sends' || kind === 'peer-sends' || kind === 'steps' || kind === 'settle' || kind === 'save',
  )
  if (quiet) {
    if (world.out.length !== sent.size) throw new Error(`${sent.size} frames were taken, ${world.out.length} arrived`)
    const { noBuffer, filtered, framesReceived } = world.nic.statistics()
    if (filtered === 0 && framesReceived !== world.seen.length)
      throw new Error(`${framesReceived} frames were given, ${world.seen.length} arrived`)
    if (noBuffer + framesReceived > offered.size) throw new Error('more frames than were sent')
  }
  checkIdle(world)
  // Whatever happened, the adapter works.
  if (world.driver.phase === 'stopped') world.driver.start()
  world.settle()
  if (!world.driver.up) throw new Error(`the adapter is ${world.driver.phase}: ${world.driver.failure}`)
  const last = frameTo(PEER_MAC, GUEST_MAC, 1000, 200)
  world.driver.send({ bytes: last })
  world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 1000, 201) })
  world.settle()
  if (key(world.out.at(-1)?.bytes ?? last.subarray(0, 1)) !== key(last))
    throw new Error('the last frame did not arrive')
  if (key(world.seen.at(-1)?.bytes ?? last) !== key(frameTo(GUEST_MAC, PEER_MAC, 1000, 201)))
    throw new Error('the last frame was not received')
  checkIdle(world)
  checkCompletions(world)
}

function act(
  world: World,
  action: Action,
  next: () => number,
  sent: Map<string, number>,
  offered: Map<string, number>,
  key: (bytes: Uint8Array) => string,
): void {
  const driver = world.guest.devices[0]?.driver === undefined ? undefined : world.driver
  switch (action.kind) {
    case 'guest-sends': {
      const number = next()
      const bytes = stamped(frameTo(PEER_MAC, GUEST_MAC, action.length), number)
      if (
        driver?.send({ bytes }, { more: action.more, ...(action.queue < driver.queues ? { queue: action.queue } : {}) })
      )
        sent.set(key(bytes), number)
      return
    }
    case 'peer-sends': {
      const number = next()
      const bytes = stamped(frameTo(GUEST_MAC, PEER_MAC, action.length), number)
      offered.set(key(bytes), number)
      world.peer.send({ bytes })
      return
    }
    case 'steps':
      for (let count = 0; count < action.count; count++) world.step()
      return
    case 'settle':
      driver?.flush()
      world.settle()
      return
    case 'save':
      world.restore(structuredClone(world.save()))
      return
    case 'remove':
      world.handle.rescind()
      world.settle()
      world.offer()
      return
    case 'stop':
      driver?.stop()
      world.settle()
      driver?.start()
      return
    case 'vf':
      return world.nic.associateVf(3)
    case 'no-vf':
      return world.nic.dissociateVf()
    case 'to-vf':
      return driver?.switchDataPath('vf')
    case 'to-synthetic':
      return driver?.switchDataPath('synthetic')
    case 'unplug':
      return world.nic.disconnectLink()
    case 'plug':
      return world.nic.connectLink()
  }
}

/** Each frame is another one. */
function stamped(bytes: Uint8Array, number: number): Uint8Array {
  new DataView(bytes.buffer).setUint32(20, number)
  return bytes
}

/** Nothing is under way: every section is free on both ends. */
function checkIdle(world: World): void {
  world.driver.flush()
  world.settle()
  const { underWay, sendSections } = world.driver.inspect()
  if (underWay !== 0) throw new Error(`${String(underWay)} packets of the guest are under way for ever`)
  // 16 pages in sections of 6144 bytes.
  if (world.driver.phase === 'ready' && sendSections !== 10)
    throw new Error(`${String(sendSections)} of 10 send sections are free`)
  const { freeSections } = world.nic.inspect()
  const total = expectedSections(world)
  if (total !== undefined && freeSections !== total)
    throw new Error(`${String(freeSections)} of ${total} sections are free`)
}

/** 64 pages in sub-allocations of 1808 bytes (256 + 1514 + 36, in eights), less the 16 for control. */
const expectedSections = ({ driver }: World): number | undefined =>
  driver.phase === 'ready' ? Math.floor((64 * 4096) / 1808) - 16 : undefined

/** In each ring, every packet that asks for a completion has one, and there are no others. */
function checkCompletions({ trace }: World): void {
  const waiting = new Map<string, number>()
  for (const event of trace) {
    if (event.kind !== 'packet') continue
    const view = new DataView(event.bytes.buffer)
    const type = view.getUint16(0, true)
    const id = view.getBigUint64(8, true)
    if (type !== 11) {
      // An id may be asked for again once its first use ended by a close.
      if (view.getUint16(6, true) & 1) waiting.set(`${event.to} ${event.relid} ${id}`, 1)
      continue
    }
    const from = `${event.to === 'host' ? 'guest' : 'host'} ${event.relid} ${id}`
    if (!waiting.delete(from)) throw new Error(`a completion of ${from}, which was not under way`)
  }
}
