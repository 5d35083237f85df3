import { checkOptions } from '@vmbus/world'
import { SwitchError } from './errors.ts'
import type { PortConfig, PortOptions, PortState } from './interface.ts'
import { changeBandwidth, newLinkDirection, type LinkDirectionState } from './link-direction.ts'
import { parseMac } from './mac.ts'
import { portConfig, portOptions } from './options.ts'
import { copyStatistics, noStatistics, type PortStatistics } from './statistics.ts'
import { compileVlan, type VlanRule } from './vlan.ts'

/** A port inside the switch. */
export interface PortRecord {
  index: number
  readonly name: string
  readonly mac: number | undefined
  readonly owner: PortOptions
  /** Bits of BESIDE. */
  readonly accepts: number
  config: PortConfig
  rule: VlanRule
  mtu: number
  impaired: boolean
  up: boolean
  connected: boolean
  inbound: LinkDirectionState
  outbound: LinkDirectionState
  statistics: PortStatistics
  /** Serial of the last forwarding that reached this port: no frame arrives twice. */
  reached: number
}

/** What a receiver takes beside a frame's bytes, as bits. */
export const BESIDE = { tag: 1, checksum: 2, segment: 4 } as const

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
      (accepts.vlan ? BESIDE.tag : 0) |
      (accepts.checksum ? BESIDE.checksum : 0) |
      (accepts.segment ? BESIDE.segment : 0),
    config: {},
    rule: compileVlan(),
    mtu: DEFAULT_MTU,
    impaired: false,
    up: true,
    connected: true,
    inbound: newLinkDirection(),
    outbound: newLinkDirection(),
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
