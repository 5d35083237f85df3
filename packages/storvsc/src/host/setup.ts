import {
  NtStatus,
  Operation,
  PROPERTY_MULTI_CHANNEL,
  channelProperties,
  fcWwnPacket,
  protocolVersion,
  vstorFeatures,
  type VstorFeatures,
} from '../protocol/index.ts'

/** How far the guest has come (OpenVMM storvsp, InitState and ProtocolState). */
export const PHASES = ['begin', 'version', 'properties', 'end', 'ready'] as const

export type Phase = (typeof PHASES)[number]

export interface SetupState {
  phase: Phase
  /** The version agreed on, 0 before. */
  version: number
  /** Sub-channels that the guest asked for; null while it may still ask before the end of initialisation. */
  subchannels: number | null
}

export const initialSetup = (): SetupState => ({ phase: 'begin', version: 0, subchannels: null })

export interface SetupOptions {
  readonly versions: readonly number[]
  readonly maxSubchannels: number
  readonly maxTransferBytes: number
  /** World wide names of a Fibre Channel adapter. */
  readonly wwn: FcNames | undefined
}

/** World wide names, 8 bytes each, most significant first. */
export interface FcNames {
  readonly port: Uint8Array
  readonly node: Uint8Array
  /** Of the set that a live migration switches to. */
  readonly secondaryPort?: Uint8Array
  readonly secondaryNode?: Uint8Array
}

export interface SetupEffects {
  ready(): void
  subchannels(count: number): void
}

/**
 * Answers one control packet of the primary channel: writes the answer's body and returns its NTSTATUS; undefined for
 * an operation that does not exist, which ends the conversation. What comes out of order is refused and changes
 * nothing (OpenVMM storvsp, process_primary).
 */
export function setup(
  state: SetupState,
  options: SetupOptions,
  operation: number,
  request: DataView,
  answer: DataView,
  effects: SetupEffects,
): number | undefined {
  switch (operation) {
    case Operation.beginInitialization:
      if (state.phase !== 'begin') return NtStatus.invalidDeviceState
      state.phase = 'version'
      return NtStatus.success
    case Operation.queryProtocolVersion:
      return state.phase === 'version' ? queryVersion(state, options, request, answer) : NtStatus.invalidDeviceState
    case Operation.queryProperties:
      return state.phase === 'properties' ? queryProperties(state, options, answer) : NtStatus.invalidDeviceState
    case Operation.fchbaData:
      if (options.wwn === undefined) return undefined
      return state.phase === 'end' || state.phase === 'ready'
        ? fchbaData(options.wwn, answer)
        : NtStatus.invalidDeviceState
    case Operation.createSubChannels:
      return createSubchannels(state, options, request.getUint16(0, true), effects)
    case Operation.endInitialization:
      if (state.phase !== 'end') return NtStatus.invalidDeviceState
      state.phase = 'ready'
      state.subchannels ??= 0
      effects.ready()
      return NtStatus.success
    default:
      return undefined
  }
}

const featuresOf = (state: SetupState): VstorFeatures | undefined => vstorFeatures(state.version)

function queryVersion(state: SetupState, { versions }: SetupOptions, request: DataView, answer: DataView): number {
  const version = protocolVersion.read.majorMinor(request, 0)
  protocolVersion.write.majorMinor(answer, 0, version)
  if (!versions.includes(version) || vstorFeatures(version) === undefined) return NtStatus.revisionMismatch
  state.version = version
  state.phase = 'properties'
  return NtStatus.success
}

function queryProperties(
  state: SetupState,
  { maxSubchannels, maxTransferBytes }: SetupOptions,
  answer: DataView,
): number {
  const multiChannel = featuresOf(state)?.multiChannel ?? false
  channelProperties.write.maxTransferBytes(answer, 0, maxTransferBytes)
  channelProperties.write.flags(answer, 0, multiChannel ? PROPERTY_MULTI_CHANNEL : 0)
  channelProperties.write.maxChannelCount(answer, 0, multiChannel ? maxSubchannels : 0)
  state.subchannels = multiChannel ? null : 0
  state.phase = 'end'
  return NtStatus.success
}

function fchbaData(names: FcNames, answer: DataView): number {
  const none = new Uint8Array(8)
  fcWwnPacket.encode(
    {
      primaryActive: 1,
      primaryPortWwn: names.port,
      primaryNodeWwn: names.node,
      secondaryPortWwn: names.secondaryPort ?? none,
      secondaryNodeWwn: names.secondaryNode ?? none,
    },
    answer,
  )
  return NtStatus.success
}

/** Before the end of initialisation (Windows) or after it (Linux). */
function createSubchannels(
  state: SetupState,
  { maxSubchannels }: SetupOptions,
  count: number,
  effects: SetupEffects,
): number {
  const early = state.phase === 'end' && state.subchannels === null
  if (!early && state.phase !== 'ready') return NtStatus.invalidDeviceState
  if (!(featuresOf(state)?.multiChannel ?? false) || count > maxSubchannels) return NtStatus.invalidParameter
  state.subchannels = count
  effects.subchannels(count)
  return NtStatus.success
}
