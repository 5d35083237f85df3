import { TICKS_PER_SECOND, checkOptions } from '@vmbus/world'
import { createBudget } from './budget.ts'
import { createBursts } from './burst.ts'
import { SwitchError } from './errors.ts'
import { createShaper, wireBytes } from './forms.ts'
import type { Frame } from './frame.ts'
import type { CapturedFrame, Port, Switch, SwitchOptions } from './interface.ts'
import { FULL, LOST, admit, admitDuplicate } from './lane.ts'
import { BROADCAST_MAC, isGroupMac, readMac } from './mac.ts'
import { switchOptions } from './options.ts'
import { configurePort, createPort, restorePorts, savePort, type PortOptions, type PortRecord } from './port.ts'
import { refused } from './refused.ts'
import { createSlots } from './slot.ts'
import { createSchedule, type Transit } from './schedule.ts'
import { parseState } from './state.ts'
import { copyStatistics, type DropReason } from './statistics.ts'
import { addressTable } from './table.ts'
import { REFUSED, classify, innerType, isMember, tagOf } from './vlan.ts'

/** The only timer of a switch. */
const TIMER = 'deliver'
const DEFAULT_TRANSIT_LIMIT = 64 << 20
const DEFAULT_AGEING = 300 * TICKS_PER_SECOND

/** 01:80:C2:00:00:00 … 0F are for the bridge itself and never forwarded (IEEE 802.1Q-2018, table 8-1). */
const FIRST_RESERVED = 0x0180_c200_0000
const LAST_RESERVED = 0x0180_c200_000f

/**
 * A learning Ethernet switch. Frames are delivered before `send` returns, except over links with delay or bandwidth
 * and when an owner sends while it receives: those follow in order, after it. It forwards by VLAN and learned
 * address, floods what it does not know, and gives each receiver the form of frame that it can take.
 */
export function createSwitch(options: SwitchOptions): Switch {
  checkOptions('switch', switchOptions, options)
  const { clock, timers, seed, diagnose } = options
  const ports: (PortRecord | undefined)[] = []
  const schedule = createSchedule()
  /** Of frames that are passed: those beyond wait for the timer. */
  const budget = createBudget(clock)
  const shaper = createShaper()
  const bursts = createBursts()
  const table = addressTable({
    ageing: options.ageing ?? DEFAULT_AGEING,
    capacity: options.addresses?.total ?? 4096,
    perPort: options.addresses?.perPort ?? 1024,
  })
  const transitLimit = options.transitLimit ?? DEFAULT_TRANSIT_LIMIT
  const sinks = new Set<(frame: CapturedFrame) => void>()
  let busy = false
  let serial = 0
  /** The time that the timer is set to. */
  let armed = Infinity

  const drop = (port: PortRecord, reason: DropReason): false => {
    port.statistics.dropped[reason]++
    if (reason !== 'lost')
      diagnose?.({
        code: 'VMBUS_SWITCH_DROP',
        source: port.name,
        message: `frame dropped: ${reason}`,
        detail: { reason },
      })
    return false
  }
  const capture = (port: PortRecord, direction: CapturedFrame['direction'], frame: Frame): void => {
    const captured = { port: port.name, direction, time: clock.now(), bytes: wireBytes(frame) }
    for (const sink of sinks) sink(captured)
  }
  const later = (port: PortRecord, inbound: boolean, at: number, frame: Frame): boolean => {
    if (schedule.bytes + frame.bytes.length > transitLimit) return drop(port, 'queue')
    schedule.add(at, port.index, inbound, frame)
    return true
  }
  const cross = (port: PortRecord, inbound: boolean, frame: Frame): boolean => {
    const lane = inbound ? port.inbound : port.outbound
    const link = port.config.link ?? {}
    const name = `${port.name} ${inbound ? 'in' : 'out'}`
    const at = admit(lane, link, frame.bytes.length, clock.now(), seed, name)
    if (at === LOST) return drop(port, 'lost')
    if (at === FULL) return drop(port, 'queue')
    const again = admitDuplicate(lane, link, at, seed, name)
    if (again !== LOST) later(port, inbound, again, frame)
    return later(port, inbound, at, frame)
  }

  const arrive = (port: PortRecord, frame: Frame): void => {
    const { statistics } = port
    statistics.framesReceived++
    statistics.bytesReceived += frame.bytes.length
    if ((frame.bytes[0] ?? 0) & 1) {
      if (readMac(frame.bytes, 0) === BROADCAST_MAC) statistics.broadcastReceived++
      else statistics.multicastReceived++
    }
    if (sinks.size > 0) capture(port, 'outbound', frame)
    bursts.reach(port)
    port.owner.receive(frame)
  }
  const deliver = (port: PortRecord): void => {
    port.reached = serial
    const shaped = shaper.shape(port)
    if (typeof shaped === 'string') {
      drop(port, shaped)
      return
    }
    for (const frame of shaped) {
      if (port.impaired) cross(port, false, frame)
      else arrive(port, frame)
    }
  }

  const ownerOf = (mac: number, vlan: number): number => {
    for (const port of ports) if (port?.mac === mac && port.up && isMember(port.rule, vlan)) return port.index
    return -1
  }
  const learn = (port: PortRecord, source: number, vlan: number, now: number): void => {
    if (port.mac !== source) for (const other of ports) if (other?.mac === source) return
    table.learn(vlan, source, port.index, now)
  }
  const forward = (from: PortRecord, frame: Frame): boolean => {
    if (!from.up) return drop(from, 'down')
    const { bytes } = frame
    const now = clock.now()
    const source = readMac(bytes, 6)
    const tag = tagOf(frame)
    const inner = innerType(frame)
    const vlan = classify(from.rule, tag, inner)
    if (vlan === REFUSED) return drop(from, 'vlan')
    learn(from, source, vlan, now)
    const destination = readMac(bytes, 0)
    if (destination >= FIRST_RESERVED && destination <= LAST_RESERVED) return drop(from, 'reserved')

    serial++
    from.reached = serial
    shaper.begin(frame, vlan, tag, inner)
    let copied = from.config.mirror === 'source'
    const to = isGroupMac(destination) ? undefined : targetOf(destination, vlan, now)
    if (to !== undefined) {
      if (to !== from) {
        if (to.config.mirror === 'source') copied = true
        deliver(to)
      }
    } else {
      for (let i = 0; i < ports.length; i++) {
        const port = ports[i]
        if (port === undefined || port === from || !port.up || !isMember(port.rule, vlan)) continue
        if (port.config.mirror === 'source') copied = true
        deliver(port)
      }
    }
    if (copied) copyToMirrors()
    return true
  }
  /** The port that a unicast address leads to, or undefined when it is to be flooded. */
  const targetOf = (destination: number, vlan: number, now: number): PortRecord | undefined => {
    const learned = ports[table.find(vlan, destination, now)]
    if (learned !== undefined && learned.up && isMember(learned.rule, vlan)) return learned
    return ports[ownerOf(destination, vlan)]
  }
  const copyToMirrors = (): void => {
    for (const port of ports) {
      if (port?.config.mirror !== 'destination' || port.reached === serial || !port.up) continue
      port.statistics.mirrored++
      deliver(port)
    }
  }

  const pass = (transit: Transit): void => {
    const port = ports[transit.port]
    if (port === undefined) return
    if (transit.inbound) forward(port, transit.frame)
    else if (port.up) arrive(port, transit.frame)
    else drop(port, 'down')
  }
  const arm = (): void => {
    const next = Math.max(schedule.next(), budget.opensAt())
    if (next === armed) return
    armed = next
    if (next < Infinity) timers.set(TIMER, next)
    else timers.clear(TIMER)
  }
  /** Forwards a frame, if given, then passes what is due; ends with the timer set for what is not. */
  const run = (port?: PortRecord, frame?: Frame): boolean => {
    const now = clock.now()
    busy = true
    try {
      const done = port === undefined || frame === undefined || forward(port, frame)
      while (schedule.next() <= now && budget.take()) {
        const transit = schedule.take()
        if (transit !== undefined) pass(transit)
      }
      return done
    } finally {
      busy = false
      arm()
    }
  }

  const send = (port: PortRecord, frame: Frame): boolean => {
    if (!port.connected) return false
    const reason = refused(port, frame)
    if (reason !== undefined) return drop(port, reason)
    port.statistics.framesSent++
    port.statistics.bytesSent += frame.bytes.length
    if (sinks.size > 0) capture(port, 'inbound', frame)
    if (port.impaired) {
      const taken = cross(port, true, frame)
      if (!busy) run()
      return taken
    }
    // What is already due goes first, so that no frame overtakes another.
    const waits = schedule.next() <= clock.now()
    if (!busy && !waits && budget.take()) return run(port, frame)
    const taken = later(port, true, clock.now(), frame)
    if (!busy) run()
    return taken
  }
  const setLink = (port: PortRecord, up: boolean): void => {
    if (!port.connected || port.up === up) return
    port.up = up
    if (!up) {
      table.forget(port.index)
      schedule.forget(port.index)
    }
    port.owner.linkChanged?.(up)
  }
  const connected = (): PortRecord[] => ports.filter((port) => port !== undefined)

  const connect = (portOptions: PortOptions): Port => {
    if (connected().some((port) => port.name === portOptions.name)) {
      throw new SwitchError('VMBUS_SWITCH_OPTION', 'name', portOptions.name, 'a name that no connected port has')
    }
    const free = ports.indexOf(undefined)
    const port = createPort(free < 0 ? ports.length : free, portOptions)
    ports[port.index] = port
    return {
      name: port.name,
      get linkUp() {
        return port.up
      },
      send: (frame) => send(port, frame),
      burst: bursts.run,
      configure: (change) => configurePort(port, change),
      setLink: (up) => setLink(port, up),
      statistics: () => copyStatistics(port.statistics),
      disconnect() {
        if (!port.connected) return
        port.connected = false
        port.up = false
        ports[port.index] = undefined
        table.forget(port.index)
        schedule.forget(port.index)
      },
    }
  }

  return {
    connect,
    attach: createSlots(connect),
    timer(name) {
      if (name !== TIMER || busy) return
      armed = Infinity
      run()
    },
    capture(sink) {
      sinks.add(sink)
      return () => void sinks.delete(sink)
    },
    save: () => {
      const { order, transits } = schedule.save()
      const addresses = table.rows()
      return {
        kind: 'switch',
        v: 1,
        ports: connected().map(savePort),
        addresses,
        order,
        transits,
        budget: budget.save(),
      }
    },
    checkState: (saved) => void parseState(saved, connected()),
    restore(saved) {
      const state = parseState(saved, connected())
      restorePorts(ports, state.ports)
      table.load(state.addresses)
      schedule.load(state)
      budget.load(state.budget)
      armed = Infinity
      arm()
    },
    inspect: () => ({
      ports: connected().map((port) => ({ ...savePort(port), mac: port.mac })),
      addresses: table.rows(),
      bytesUnderWay: schedule.bytes,
    }),
  }
}
