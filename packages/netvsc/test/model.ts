import { attack, garble, pass, silence } from './model/attacks.ts'
import { SEND_PAGES, type Action, type Setup } from './model/actions.ts'
import { checkAnswers, checkCompletions, checkIdle, checkSizes, checkVfPairs } from './model/checks.ts'
import { plainFrame, toGuest, toPeer } from './model/frames.ts'
import { look } from './model/look.ts'
import { ALL_TYPES, DRIVER_FILTER, modelOf, type Model } from './model/state.ts'
import { LETS_IN, guestBursts, guestSends, peerSends } from './model/traffic.ts'
import { SMALL, world as makeWorld, type World, type WorldOptions } from './world.ts'

export { actions, setups } from './model/actions.ts'

const V5 = 0x5_0000
const SECTION = 6144

/**
 * Lives any life and checks that every frame arrives once, in order of its channel and unchanged, with right sums, on the
 * channel that the guest's table names and only if its filter lets it in, unless it was counted as lost or its adapter
 * was away; that nothing stays under way; and that no packet is completed twice or never.
 */
export function live(options: Setup, life: readonly Action[]): void {
  const world = makeWorld(options)
  const model = modelOf(world, options)
  if (model.tagged) world.peer.configure({ vlan: { trunk: [[1, 100]], native: 0 } })
  world.guest.start()
  for (const action of life) {
    act(model, action)
    if (options.saves) move(world)
    look(model)
  }
  world.nic.connectLink()
  world.nic.dissociateVf()
  model.vfSerial = 0
  settle(model)
  checkEnd(model, life)
  checkWorks(model, options)
}

/** Through a saved state that is plain data. RAM is a copy already, and cloning it was a sixth of the time. */
function move(world: World): void {
  const { memory, ...state } = world.save() as { readonly memory: Uint8Array }
  world.restore({ ...structuredClone(state), memory })
}

function act(model: Model, action: Action): void {
  const { world } = model
  const driver = world.guest.devices[0]?.driver === undefined ? undefined : world.driver
  switch (action.kind) {
    case 'guest-sends':
      return guestSends(model, action.form, action.length, action.flow, action.more, action.queue)
    case 'guest-bursts':
      return guestBursts(model, action)
    case 'peer-sends':
      return peerSends(model, action.form, action.length, action.flow, action.to)
    case 'steps':
      for (let count = 0; count < action.count; count++) world.step()
      return
    case 'settle':
      return settle(model)
    case 'save':
      return move(world)
    case 'remove':
      world.handle.rescind()
      world.settle()
      world.offer()
      return started(model, true)
    case 'stop':
      driver?.stop()
      model.more = false
      if (action.waits) settle(model)
      return
    case 'filter':
      settle(model)
      world.driver.setFilter(action.filter)
      world.settle()
      model.filter = action.filter
      return
    case 'rescale':
      return rescale(model, action.types)
    case 'vf':
      model.vfSerial = action.serial
      return world.nic.associateVf(action.serial)
    case 'no-vf':
      model.vfSerial = 0
      return world.nic.dissociateVf()
    case 'to-vf':
      return driver?.switchDataPath('vf')
    case 'to-synthetic':
      return driver?.switchDataPath('synthetic')
    case 'unplug':
      return world.nic.disconnectLink()
    case 'plug':
      return world.nic.connectLink()
    case 'speed':
      return world.nic.setSpeed(1_000_000_000 * (1 + (model.next % 40)))
    case 'garble':
      model.strange++
      if (action.of === 'frame') peerSends(model, 'plain', 100, 0, 'guest')
      else if (action.of === 'link') world.nic.disconnectLink()
      else if (action.of === 'speed') world.nic.setSpeed(1_000_000_000)
      return garble(world, action.damage)
    case 'raw-data':
    case 'raw-query':
      return attack(model, action)
    case 'silence':
      return silence(world, () => {
        if (action.sends) guestSends(model, 'large', 1500, 0, false, 0)
        if (!action.stops) return
        driver?.stop()
        model.more = false
      })
  }
}

/** The driver sets up again: the host has forgotten what it was told; at a removal driver and VF are new. */
function started(model: Model, removed: boolean): void {
  look(model)
  model.hashTypes = ALL_TYPES
  model.more = false
  if (!removed) return
  model.vfSerial = 0
  model.filter = DRIVER_FILTER
}

/** Until nothing happens by itself; a driver that is down is started. Nobody flushes but who let a frame wait for more. */
function settle(model: Model): void {
  const { world } = model
  if (model.more) world.driver.flush()
  model.more = false
  world.settle()
  for (let count = 0; count < 4 && world.driver.phase !== 'ready'; count++) {
    if (world.driver.phase === 'failed' || world.driver.phase === 'stopped') {
      started(model, false)
      world.driver.start()
      world.settle()
    } else pass(world)
  }
  if (world.driver.phase !== 'ready') throw new Error(`the adapter is ${world.driver.phase}: ${world.driver.failure}`)
  look(model)
  if (model.available < 0) model.available = world.available
  if (model.available !== world.available)
    throw new Error(`${model.available} pages were free, and now ${world.available}`)
  const { driver, nic } = world
  if (driver.queues !== model.queues || nic.queues !== model.queues)
    throw new Error(`${driver.queues} and ${nic.queues} queues instead of ${model.queues}`)
  if (nic.up !== (model.filter !== 0)) throw new Error(`the host takes the adapter to be ${nic.up ? 'up' : 'down'}`)
  // From NVSP 5 on drivers ask to be told of VFs.
  if (model.version < V5) return
  if ((driver.vf?.serial ?? 0) !== model.vfSerial)
    throw new Error(`the guest has VF ${driver.vf?.serial ?? 0} of ${model.vfSerial}`)
  if (driver.dataPath !== nic.dataPath) throw new Error(`the data path is ${driver.dataPath} and ${nic.dataPath}`)
}

function rescale(model: Model, types: number): void {
  settle(model)
  if (model.queues < 2) return
  attack(model, { kind: 'rescale', types })
  model.world.settle()
  model.hashTypes = types
}

const QUIET = new Set<Action['kind']>([
  'guest-sends',
  'guest-bursts',
  'peer-sends',
  'steps',
  'settle',
  'save',
  'filter',
  'rescale',
  'vf',
  'no-vf',
  'speed',
])
const WILD = new Set<Action['kind']>(['garble', 'raw-data', 'raw-query', 'silence'])

function checkEnd(model: Model, life: readonly Action[]): void {
  const { world } = model
  // The buses tell of answers and signals that a removal overtook; the adapter's ends have nothing to say, unless a
  // guest was sent what makes no sense.
  const wild = life.some(({ kind }) => WILD.has(kind))
  const rescaled = life.some(({ kind }) => kind === 'rescale')
  const told = world.diagnostics.find(
    ({ source, code }) =>
      (source.startsWith('netvsc') || source.startsWith('channel')) &&
      !(source === 'netvsc/guest' && (wild || (rescaled && RESCALED.has(code)))),
  )
  if (told !== undefined) throw new Error(JSON.stringify(told))
  if (!life.every(({ kind }) => QUIET.has(kind))) return
  if (model.out.missing() > 0) throw new Error(`${model.out.missing()} frames were taken and did not arrive`)
  const { framesReceived } = world.nic.statistics()
  if (framesReceived !== world.seen.length)
    throw new Error(`${framesReceived} frames were given, ${world.seen.length} arrived`)
}

/** What the driver says of an exchange that it did not begin. */
const RESCALED = new Set(['VMBUS_NETVSC_COMPLETION', 'VMBUS_NETVSC_ANSWER', 'VMBUS_NETVSC_CONTROL'])

/** Whatever happened, the adapter works. */
function checkWorks(model: Model, { guest }: WorldOptions): void {
  const { world } = model
  const sections = Math.floor((guest?.sendBufferBytes ?? SEND_PAGES.few * 4096) / SECTION)
  const idle = (): void => checkIdle(world, sections, SMALL.sendPages ?? 0)
  idle()
  if (model.filter === 0) world.driver.setFilter(DRIVER_FILTER)
  world.settle()
  const [out, seen] = [world.out.length, world.seen.length]
  world.driver.send({ bytes: plainFrame(toPeer.to, toPeer.from, 1000, 1 << 20) })
  world.peer.send({ bytes: plainFrame(toGuest.to, toGuest.from, 1000, 2 << 20) })
  world.settle()
  const last = (frames: readonly { readonly bytes: Uint8Array }[], from: number): string =>
    frames
      .slice(from)
      .map(({ bytes }) => Buffer.from(bytes.subarray(12, 18)).toString('hex'))
      .join()
  if (last(world.out, out) !== '88b500100000') throw new Error('the last frame did not arrive')
  const wanted = model.filter === 0 || (model.filter & LETS_IN.guest) !== 0
  if (last(world.seen, seen) !== (wanted ? '88b500200000' : '')) throw new Error('the last frame was not received')
  idle()
  checkCompletions(world)
  checkAnswers(world, model.answers)
  checkSizes(world, model.version)
  checkVfPairs(world)
}
