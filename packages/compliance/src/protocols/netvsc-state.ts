import type { Watch } from './protocol.ts'

/** What a session knows of an adapter and its driver. */
export interface NetvscState {
  readonly watch: Watch
  /** NVSP version that was accepted, 0 before; and the one that was asked for last. */
  version: number
  asked: number
  ndisMajor: number
  /** Capability bits and frame length of NDIS_CONFIG; undefined before. */
  config: { readonly frameBytes: number; readonly capabilities: number } | undefined
  /** Buffers that the host took. */
  receive: { readonly id: number; readonly bytes: number; size: number; count: number } | undefined
  send: { readonly id: number; readonly bytes: number; size: number; count: number } | undefined
  /** RNDIS INITIALIZE: asked for, and answered with success. */
  initialize: 'none' | 'asked' | 'done'
  filter: number
  isRevoked: boolean
  hasVf: boolean
  /** Subchannels that were granted, -1 before. */
  subchannels: number
  /** RNDIS requests under way by their id: type and OID. */
  readonly requests: Map<number, { readonly type: number; readonly oid: number }>
  /** The transfers that follow a packet: whether control or data, and how many sections are named. */
  channelType: number
}

export const newState = (watch: Watch): NetvscState => ({
  watch,
  version: 0,
  asked: Infinity,
  ndisMajor: 0,
  config: undefined,
  receive: undefined,
  send: undefined,
  initialize: 'none',
  filter: 0,
  isRevoked: false,
  hasVf: false,
  subchannels: -1,
  requests: new Map(),
  channelType: 0,
})

/** NVSP versions (Linux hyperv_net.h, NVSP_PROTOCOL_VERSION_*). */
export const V2 = 0x3_0002
export const V4 = 0x4_0000
export const V5 = 0x5_0000
export const V6_1 = 0x6_0001
export const NVSP_VERSIONS: readonly number[] = [0x2, V2, V4, V5, 0x6_0000, V6_1]

export const DATA = 0
export const CONTROL = 1
