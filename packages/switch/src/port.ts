import { checkOptions } from '@vmbus/world'
import { SwitchError } from './errors.ts'
import type { Accepts, Frame } from './frame.ts'
import { changeBandwidth, newLane, type LaneState, type LinkOptions } from './lane.ts'
import { parseMac } from './mac.ts'
import { portConfig, portOptions } from './options.ts'
import { copyStatistics, noStatistics, type PortStatistics } from './statistics.ts'
import { compileVlan, type VlanOptions, type VlanRule } from './vlan.ts'

/** What may change while a port is connected; all of it is part of the saved state. */
export interface PortConfig {
  /** Default: access to VLAN 0, without tags. */
  readonly vlan?: VlanOptions | undefined
  /** Largest packet after the Ethernet header and tag, 68 … 65535. Default 1500. */
  readonly mtu?: number | undefined
  readonly link?: LinkOptions | undefined
  /** `source`: what this port sends and receives is copied to every `destination` port. Default `none`. */
  readonly mirror?: 'none' | 'source' | 'destination' | undefined
  /** Whether the port may send from addresses other than its own. Default true. */
  readonly spoofing?: boolean | undefined
}

export interface PortOptions extends PortConfig {
  /** Unique in the switch. */
  readonly name: string
  /** The owner's address: known without learning, and no other port can take it over. */
  readonly mac?: string | undefined
  /** What the owner can take beside the frame's bytes. Default: nothing. */
  readonly accepts?: Accepts | undefined
  /** Takes a frame. Its bytes are not the owner's: they may change after the call. */
  receive(frame: Frame): void
  /** Frames of a burst follow: what they lead to may wait until the returned function is called, before `Port.burst` returns. */
  gather?(): () => void
  /** The link went up or down. */
  linkChanged?(up: boolean): void
}

/** A port inside the switch. */
export interface PortRecord {
  index: number
  readonly name: string
  readonly mac: number | undefined
  readonly owner: PortOptions
  /** Bits of FORM that the owner takes as they are. */
  readonly accepts: number
  config: PortConfig
  rule: VlanRule
  mtu: number
  impaired: boolean
  up: boolean
  connected: boolean
  inbound: LaneState
  outbound: LaneState
  statistics: PortStatistics
  /** Serial of the last forwarding that reached this port: no frame arrives twice. */
  reached: number
}

/** A port's part of the saved state. */
export interface PortState {
  readonly index: number
  readonly name: string
  readonly config: PortConfig
  readonly up: boolean
  readonly inbound: LaneState
  readonly outbound: LaneState
  readonly statistics: PortStatistics
}

/** Ways in which a frame may reach a receiver, as bits: what is left beside the bytes. */
export const FORM = { tagBeside: 1, checksumBeside: 2, segmentBeside: 4 } as const

const DEFAULT_MTU = 1500

export function createPort(index: number, options: PortOptions): PortRecord {
  checkOptions('port', portOptions, options)
  const { accepts = {} } = options
  const port: PortRecord = {
    index,
    name: options.name,
    mac: options.mac === undefined ? undefined : parseMac(options.mac),
    owner: options,
    accepts:
      (accepts.vlan ? FORM.tagBeside : 0) |
      (accepts.checksum ? FORM.checksumBeside : 0) |
      (accepts.segment ? FORM.segmentBeside : 0),
    config: {},
    rule: compileVlan(),
    mtu: DEFAULT_MTU,
    impaired: false,
    up: true,
    connected: true,
    inbound: newLane(),
    outbound: newLane(),
    statistics: noStatistics(),
    reached: 0,
  }
  const { vlan, mtu, link, mirror, spoofing } = options
  configurePort(port, { vlan, mtu, link, mirror, spoofing })
  return port
}

/** Checks everything before it changes anything. */
export function configurePort(port: PortRecord, change: PortConfig): void {
  const config: PortConfig = { ...port.config, ...checkOptions('port', portConfig, change) }
  if (config.spoofing === false && port.mac === undefined)
    throw new SwitchError('VMBUS_SWITCH_OPTION', 'spoofing', 'false', 'true for a port without a mac')
  applyConfig(port, config)
}

function applyConfig(port: PortRecord, config: PortConfig): void {
  const { link } = config
  if (link?.bandwidth !== port.config.link?.bandwidth) {
    changeBandwidth(port.inbound)
    changeBandwidth(port.outbound)
  }
  port.config = config
  port.rule = compileVlan(config.vlan)
  port.mtu = config.mtu ?? DEFAULT_MTU
  port.impaired = link !== undefined && Object.values(link).some((value) => value !== undefined && value !== 0)
}

export const savePort = (port: PortRecord): PortState => ({
  index: port.index,
  name: port.name,
  config: { ...port.config },
  up: port.up,
  inbound: { ...port.inbound },
  outbound: { ...port.outbound },
  statistics: copyStatistics(port.statistics),
})

/** Puts saved ports, whose names are those of the connected ones, in their saved places. */
export function restorePorts(ports: (PortRecord | undefined)[], states: readonly PortState[]): void {
  const byName = new Map<string, PortRecord>()
  for (const port of ports) if (port !== undefined) byName.set(port.name, port)
  ports.length = 0
  for (const state of states) {
    const port = byName.get(state.name)
    if (port === undefined) continue
    while (ports.length <= state.index) ports.push(undefined)
    ports[state.index] = port
    port.index = state.index
    applyConfig(port, { ...state.config })
    port.up = state.up
    port.inbound = { ...state.inbound }
    port.outbound = { ...state.outbound }
    port.statistics = copyStatistics(state.statistics)
  }
}
