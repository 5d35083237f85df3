import { TICKS_PER_SECOND, checkOptions } from '@vmbus/world'
import { createBudget } from './budget.ts'
import { createBursts } from './burst.ts'
import { SwitchError } from './errors.ts'
import type { Port, PortOptions, Switch, SwitchOptions, SwitchState } from './interface.ts'
import { createOffloadAdapter } from './offload-adapter.ts'
import { switchOptions } from './options.ts'
import { TIMER, arm, run, send, type SwitchContext } from './passing.ts'
import { configurePort, createPort, restorePorts, savePort, type PortRecord } from './port.ts'
import { createSchedule } from './schedule.ts'
import { createSlots } from './slot.ts'
import { parseState } from './state.ts'
import { copyStatistics } from './statistics.ts'
import { addressTable } from './table.ts'

const DEFAULT_TRANSIT_LIMIT = 64 << 20
const DEFAULT_AGEING = 300 * TICKS_PER_SECOND

/**
 * A learning Ethernet switch. Frames are delivered before `send` returns, except over links with delay or bandwidth
 * and when an owner sends while it receives: those follow in order, after it. It forwards by VLAN and learned
 * address, floods what it does not know, and gives each receiver a frame with the offloads that it can take.
 */
export function createSwitch(options: SwitchOptions): Switch {
  checkOptions('switch', switchOptions, options)
  const ctx = createContext(options)
  const { sinks, table, schedule } = ctx
  const plug = (portOptions: PortOptions): Port => connect(ctx, portOptions)
  return {
    connect: plug,
    attach: createSlots(plug),
    timer(name) {
      if (name !== TIMER || ctx.busy) return
      ctx.armedAt = Infinity
      run(ctx)
    },
    capture(sink) {
      sinks.add(sink)
      return () => void sinks.delete(sink)
    },
    save: () => save(ctx),
    checkState: (saved) => void parseState(saved, connected(ctx)),
    restore: (saved) => restore(ctx, parseState(saved, connected(ctx))),
    inspect: () => ({
      ports: connected(ctx).map((port) => ({ ...savePort(port), mac: port.mac })),
      addresses: table.rows(),
      bytesUnderWay: schedule.bytes,
    }),
  }
}

const createContext = ({
  clock,
  timers,
  seed,
  diagnose,
  ageing,
  addresses,
  transitLimit,
}: SwitchOptions): SwitchContext => ({
  clock,
  timers,
  seed,
  diagnose,
  ports: [],
  table: addressTable({
    ageing: ageing ?? DEFAULT_AGEING,
    capacity: addresses?.total ?? 4096,
    perPort: addresses?.perPort ?? 1024,
  }),
  schedule: createSchedule(),
  transitLimit: transitLimit ?? DEFAULT_TRANSIT_LIMIT,
  budget: createBudget(clock),
  offloadAdapter: createOffloadAdapter(),
  bursts: createBursts(),
  sinks: new Set(),
  serial: 0,
  busy: false,
  armedAt: Infinity,
})

const connected = ({ ports }: SwitchContext): PortRecord[] => ports.filter((port) => port !== undefined)

function connect(ctx: SwitchContext, options: PortOptions): Port {
  const { ports } = ctx
  if (connected(ctx).some((port) => port.name === options.name)) {
    throw new SwitchError('VMBUS_SWITCH_OPTION', 'name', options.name, 'a name that no connected port has')
  }
  const free = ports.indexOf(undefined)
  const port = createPort(free < 0 ? ports.length : free, options)
  ports[port.index] = port
  return {
    name: port.name,
    get linkUp() {
      return port.up
    },
    send: (frame) => send(ctx, port, frame),
    burst: ctx.bursts.run,
    configure: (change) => configurePort(port, change),
    setLink: (up) => setLink(ctx, port, up),
    statistics: () => copyStatistics(port.statistics),
    disconnect() {
      if (!port.connected) return
      port.connected = false
      port.up = false
      ports[port.index] = undefined
      forget(ctx, port)
    },
  }
}

function setLink(ctx: SwitchContext, port: PortRecord, up: boolean): void {
  if (!port.connected || port.up === up) return
  port.up = up
  if (!up) forget(ctx, port)
  port.owner.linkChanged?.(up)
}

/** Forgets the port's addresses, and what is under way from and to it. */
function forget({ table, schedule }: SwitchContext, { index }: PortRecord): void {
  table.forget(index)
  schedule.forget(index)
}

function save(ctx: SwitchContext): SwitchState {
  const { order, transits } = ctx.schedule.save()
  return {
    kind: 'switch',
    v: 1,
    ports: connected(ctx).map(savePort),
    addresses: ctx.table.rows(),
    order,
    transits,
    budget: ctx.budget.save(),
  }
}

function restore(ctx: SwitchContext, state: SwitchState): void {
  restorePorts(ctx.ports, state.ports)
  ctx.table.load(state.addresses)
  ctx.schedule.load(state)
  ctx.budget.load(state.budget)
  ctx.armedAt = Infinity
  arm(ctx)
}
