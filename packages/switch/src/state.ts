import {
  ShapeMismatch,
  StateError,
  alike,
  bytes,
  flag,
  integer,
  list,
  number,
  object,
  optional,
  restoreState,
  stateForm,
  text,
  type Shape,
  type StateForm,
} from '@vmbus/world'
import type { BudgetState } from './budget.ts'
import type { Frame, Offload, VlanTag } from './frame.ts'
import type { PortState, SwitchState } from './interface.ts'
import type { LinkDirectionState } from './link-direction.ts'
import { portConfig } from './options.ts'
import type { PortRecord } from './port.ts'
import type { Transit } from './schedule.ts'
import { noStatistics, type PortStatistics } from './statistics.ts'
import type { TableRow } from './table.ts'
import { LARGEST_VLAN } from './vlan.ts'

const LARGEST_MAC = 0xffff_ffff_ffff
/** No switch has as many ports; one that claims to would only cost memory. */
const MOST_PORTS = 0x1_0000

export const macNumber: Shape<number> = integer(0, LARGEST_MAC)
const portIndex = integer(0, MOST_PORTS - 1)
/** Reference time, 100 ns units. */
const time = number(0)

export const budgetState: Shape<BudgetState> = object<BudgetState>({ at: time, given: integer() })
const linkDirection = object<LinkDirectionState>({ busyUntil: time, fraction: integer(), frames: integer() })
const { dropped, ...counts } = noStatistics()
const statistics = object<PortStatistics>({ ...alike(integer(), counts), dropped: object(alike(integer(), dropped)) })

/** A frame in a saved state. */
export const frameState: Shape<Frame> = object<Frame>({
  bytes: bytes(),
  vlan: optional(object<VlanTag>({ id: integer(0, 0xfff), priority: integer(0, 7), dei: flag })),
  offload: optional(
    object<Offload>({
      ipv4Checksum: optional(flag),
      transportChecksum: optional(flag),
      segment: optional(integer(1)),
    }),
  ),
})

const SWITCH_STATE: StateForm<Omit<SwitchState, 'kind' | 'v'>> = stateForm('switch', 1, {
  ports: list(
    object<PortState>({
      index: portIndex,
      name: text,
      config: portConfig,
      up: flag,
      inbound: linkDirection,
      outbound: linkDirection,
      statistics,
    }),
  ),
  addresses: list(object<TableRow>({ vlan: integer(0, LARGEST_VLAN), mac: macNumber, port: portIndex, at: time })),
  order: integer(),
  transits: list(object<Transit>({ at: time, order: integer(), port: portIndex, inbound: flag, frame: frameState })),
  budget: budgetState,
})

/** A state that fits the connected ports, looked at whole. @throws StateError `VMBUS_STATE_INVALID` */
export function parseState(saved: unknown, connected: readonly PortRecord[]): SwitchState {
  const state = restoreState(saved, SWITCH_STATE)
  const refuse = (field: string, value: unknown, allowed: string): StateError =>
    new StateError('VMBUS_STATE_INVALID', `switch.${field}`, new ShapeMismatch(field, value, allowed))
  const sorted = (names: readonly { readonly name: string }[]): string =>
    names
      .map(({ name }) => name)
      .toSorted()
      .join(', ')
  const present = sorted(connected)
  if (sorted(state.ports) !== present) throw refuse('ports', sorted(state.ports), `the connected ports: ${present}`)
  const indexes = new Set<number>()
  for (const { name, index, config } of state.ports) {
    if (indexes.has(index)) throw refuse('ports.index', index, 'an index for each port')
    indexes.add(index)
    const port = connected.find((each) => each.name === name)
    if (port?.mac === undefined && config.spoofing === false)
      throw refuse('ports.config.spoofing', false, 'true for a port without a mac')
  }
  for (const row of [...state.addresses, ...state.transits])
    if (!indexes.has(row.port)) throw refuse('port', row.port, 'the index of a port of the state')
  return state
}
