import type { GuestDriverDeps } from '@vmbus/core'
import { frameState, type Frame } from '@vmbus/switch'
import { anything, flag, integer, list, object, oneOf, stateForm, text, type StateForm } from '@vmbus/world'
import type { NetvscGuest } from '../guest/index.ts'
import { FEATURES, type Feature, type InterfaceSystem, type LiveInterface, type VfFunction } from './interface.ts'
import { stationState, type Station, type StationState } from './station.ts'

export interface AdapterState {
  /** '' while the driver sets the adapter up. */
  name: string
  /** Of the device, without braces. */
  instanceId: string
  isUp: boolean
  /** The adapter is closed and opened again, and the interface stays. */
  isChanging: boolean
  /** Segments are joined, where the system's driver can. */
  joins: boolean
  /** Features that were turned off. */
  off: Feature[]
  /** Frames that found the ring full, oldest first. */
  waiting: Frame[]
}

export interface Vlan {
  readonly id: number
  readonly name: string
  readonly live: LiveInterface
  readonly station: Station
  isUp: boolean
  mtu: number
}

/** A frame of one poll, whose bytes are its own. */
export interface Polled extends Frame {
  /** What the host found of its checksums, as RxChecksum; 0: it says nothing. */
  readonly checksum: number
}

/** What the parts of one adapter's interface share. */
export interface Context {
  readonly system: InterfaceSystem
  readonly deps: GuestDriverDeps
  readonly nic: NetvscGuest
  readonly station: Station
  readonly vlans: Map<number, Vlan>
  /** Features that are off until somebody turns them on. */
  readonly offAtFirst: readonly Feature[]
  /** Frames of one poll: the stack has them once the host has its completions (Linux net/core/dev.c, napi_complete_done). */
  readonly polled: Polled[]
  state: AdapterState
  /** The function whose driver is there; it is given again after a restore. */
  vf: VfFunction | undefined
}

export const noAdapterState = (instanceId: string, isUp: boolean, off: Feature[]): AdapterState => ({
  name: '',
  instanceId,
  isUp,
  isChanging: false,
  joins: true,
  off,
  waiting: [],
})

export interface SavedVlan {
  readonly id: number
  readonly name: string
  readonly isUp: boolean
  readonly mtu: number
  readonly station: StationState
}

export interface SavedInterface extends AdapterState {
  readonly station: StationState
  readonly vlans: readonly SavedVlan[]
  /** The driver looks at it. */
  readonly nic: unknown
}

export const interfaceForm = ({ kind, mostWaiting }: InterfaceSystem): StateForm<SavedInterface> =>
  stateForm<SavedInterface>(kind, 5, {
    name: text,
    instanceId: text,
    isUp: flag,
    isChanging: flag,
    joins: flag,
    off: list(oneOf(...FEATURES)),
    waiting: list(frameState, 0, mostWaiting),
    station: stationState,
    vlans: list(
      object<SavedVlan>({ id: integer(0, 4094), name: text, isUp: flag, mtu: integer(), station: stationState }),
    ),
    nic: anything,
  })
