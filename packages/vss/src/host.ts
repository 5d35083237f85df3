import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import { At, HResult, IcType, icHost, icHostState, type IcHostState, type IcVersions } from '@vmbus/ic'
import {
  TICKS_PER_SECOND,
  callable,
  checkOptions,
  flag,
  integer,
  list,
  number,
  object,
  oneOf,
  optional,
  restoreState,
  stateForm,
  text,
  textLike,
  u32,
  u8,
  type Shape,
} from '@vmbus/world'
import {
  FREEZE_SECONDS,
  MAX_LUNS,
  SHORT_BODY,
  VSS_VERSIONS,
  VssOperation,
  lunInfo,
  quiesceOperations,
  vssCreateV2,
  vssFreeze,
} from './protocol.ts'

/** A disk of the guest, named to it when it is asked to freeze. */
export interface BackupLun {
  readonly busType: number
  /** Instance GUID of the controller. */
  readonly controller: string
  readonly target: number
  readonly lun: number
}

export interface BackupRequest {
  readonly backupType?: number
  readonly luns?: readonly BackupLun[]
}

export interface VssHostOptions {
  readonly instanceId?: string
  /**
   * Takes the snapshot while the guest's file systems stand still: a differencing image of each disk, say. True or
   * false says how it went, `later` that `snapshotDone` will. One that throws was not taken: the guest is thawed and the
   * backup has failed.
   */
  snapshot?(backup: { readonly id: number }): boolean | 'later'
  /** Seconds for the guest's freeze, for its other answers, and for a snapshot that comes later. */
  readonly limits?: { readonly freeze?: number; readonly reply?: number; readonly snapshot?: number }
}

const seconds = optional(number(Number.MIN_VALUE))
export const hostOptions: Shape<VssHostOptions> = object<VssHostOptions>({
  instanceId: optional(text),
  snapshot: optional(callable<NonNullable<VssHostOptions['snapshot']>>()),
  limits: optional(
    object<NonNullable<VssHostOptions['limits']>>({ freeze: seconds, reply: seconds, snapshot: seconds }),
  ),
})

const guid = textLike(/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i, 'a GUID')
const backupRequest: Shape<BackupRequest> = object<BackupRequest>({
  backupType: optional(u32),
  luns: optional(list(object<BackupLun>({ busType: u8, controller: guid, target: u8, lun: u8 }))),
})

export type BackupStage = 'check' | 'freeze' | 'snapshot' | 'thaw' | 'complete'
export type BackupRefusal = 'not-connected' | 'busy' | 'invalid-parameter'

/** The detail of the event `backup`, which comes once for each backup. */
export interface BackupResult {
  readonly id: number
  readonly outcome: 'ok' | 'failed' | 'timeout' | 'closed'
  /** Where it ended. */
  readonly stage: BackupStage
  /** The guest's last HRESULT; -1 when it gave none. */
  readonly status: number
  /** The snapshot was taken while the guest stood still, and the guest confirmed the thaw. */
  readonly consistent: boolean
}

export interface VssHost extends HostDevice {
  /** Begins a backup: its id, or why it was not begun. */
  backup(request?: BackupRequest): number | BackupRefusal
  /** The end of a snapshot that `snapshot` left for later; false when none is awaited (any more). */
  snapshotDone(taken: boolean): boolean
}

interface State {
  nextId: number
  stage: BackupStage | 'idle'
  id: number
  request: BackupRequest
  /** The result is out; what is left is to leave the guest as it was. */
  ended: boolean
  taken: boolean
  status: number
  deadline: number
}

const stateOf = (versions: IcVersions) =>
  stateForm<State & { readonly ic: IcHostState }>('vss', 1, {
    ic: icHostState(versions),
    nextId: integer(1),
    stage: oneOf('idle', 'check', 'freeze', 'snapshot', 'thaw', 'complete'),
    id: integer(),
    request: backupRequest,
    ended: flag,
    taken: flag,
    status: integer(-1, 0xffff_ffff),
    deadline: number(0),
  })

const idle = (nextId: number): State => ({
  nextId,
  stage: 'idle',
  id: 0,
  request: {},
  ended: true,
  taken: false,
  status: -1,
  deadline: Infinity,
})

/** Twice Linux's 30 s, and one minute more than its 15 (drivers/hv/hv_snapshot.c), so that the guest's own error comes first. */
const LIMITS = { freeze: FREEZE_SECONDS + 60, reply: 60, snapshot: 60 } as const

/**
 * Check, freeze, snapshot, thaw, complete. A guest that froze is thawed whatever became of the backup. Throws OptionsError.
 */
export function vssHost(options: VssHostOptions, deps: HostDeviceDeps, versions: IcVersions = VSS_VERSIONS): VssHost {
  const { limits: given, snapshot } = checkOptions('vss', hostOptions, options)
  const limits = { ...LIMITS, ...given }
  const form = stateOf(versions)
  let state = idle(1)

  const arm = (seconds: number): void => {
    state.deadline = deps.clock.now() + seconds * TICKS_PER_SECOND
    if (seconds === Infinity) deps.timers.clear('stage')
    else deps.timers.set('stage', state.deadline)
  }

  const end = (outcome: BackupResult['outcome'], after: () => void = () => {}): void => {
    const { id, stage, status, ended, taken } = state
    state.ended = true
    // Before anybody hears of it: who does may begin the next.
    after()
    if (ended || stage === 'idle') return
    const consistent = taken && stage === 'complete'
    deps.event('backup', { id, outcome, stage, status, consistent } satisfies BackupResult)
  }

  const rest = (): void => {
    state = idle(state.nextId)
    arm(Infinity)
  }

  const finish = (outcome: BackupResult['outcome']): void => end(outcome, rest)

  const take = (): boolean | 'later' => {
    try {
      return snapshot?.({ id: state.id }) ?? true
    } catch (error) {
      deps.diagnose({ code: 'VMBUS_VSS_SNAPSHOT', source: 'vss', message: `no snapshot was taken: ${String(error)}` })
      return false
    }
  }

  const enter = (stage: BackupStage): void => {
    state.stage = stage
    arm(stage === 'freeze' ? limits.freeze : stage === 'snapshot' ? limits.snapshot : limits.reply)
    if (stage === 'snapshot') {
      const taken = take()
      if (taken !== 'later') snapshotDone(taken)
    } else if (!ic.request(bodyOf(stage, state, ic.message))) finish('failed')
  }

  const snapshotDone = (taken: boolean): boolean => {
    if (state.stage !== 'snapshot') return false
    state.taken = taken
    if (!taken) end('failed')
    enter('thaw')
    return true
  }

  const answered = (status: number): void => {
    state.status = status
    if (status !== HResult.ok) return finish('failed')
    switch (state.stage) {
      case 'check':
        return state.ended ? rest() : enter('freeze')
      case 'freeze':
        deps.event('frozen', { id: state.id })
        return state.ended ? enter('thaw') : enter('snapshot')
      case 'thaw':
        deps.event('thawed', { id: state.id })
        return enter('complete')
      case 'complete':
        return finish('ok')
      case 'snapshot':
      case 'idle':
        return deps.diagnose({ code: 'VMBUS_VSS_ANSWER', source: 'vss', message: `answer while ${state.stage}` })
    }
  }

  const ic = icHost(deps, versions, {
    type: IcType.vss,
    ready: () => deps.event('ready'),
    // Guests leave the operation of a completion as it is: one that comes late is for no other request.
    answers: (view, length) =>
      length === 0 || view.getUint8(At.body) !== VssOperation.backupComplete || state.stage === 'complete',
    reply: answered,
  })

  const close = (): void => {
    ic.close()
    finish('closed')
  }

  return {
    backup(asked = {}) {
      const request = checkOptions('vss.backup', backupRequest, asked)
      if (ic.phase !== 'ready') return 'not-connected'
      if (state.stage !== 'idle') return 'busy'
      if ((request.luns?.length ?? 0) > MAX_LUNS) return 'invalid-parameter'
      const id = state.nextId
      state = { ...idle(id + 1), id, request, ended: false }
      enter('check')
      return id
    },
    snapshotDone,
    open: (channel) => ic.open(channel),
    readable: (channel) => ic.readable(channel),
    close,
    // Nothing of the guest's is under way here: the host's own requests end.
    rescinded: close,
    timer(name) {
      if (ic.timer(name)) return
      // FreeBSD never answers it, and nothing of the guest's depends on it.
      if (state.stage === 'complete') {
        ic.giveUp()
        return finish('timeout')
      }
      end('timeout')
      // An answer that never came is awaited still: a freeze that succeeds late has to be thawed.
      if (state.stage === 'snapshot') enter('thaw')
      else arm(Infinity)
    },
    save: () => ({ ...form.head, ...state, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { kind: _, v: __, ic: framing, ...own } = restoreState(saved, form)
      state = own
      ic.restore(framing, channels[0])
      if (state.deadline !== Infinity) deps.timers.set('stage', state.deadline)
    },
    inspect: () => ({ ...ic.inspect(), stage: state.stage }),
  }
}

const setId = (id: number): string => `00000000-0000-0000-0000-${id.toString(16).padStart(12, '0')}`

function bodyOf(stage: Exclude<BackupStage, 'snapshot'>, { id, request }: State, version: number): Uint8Array {
  const { begin, end } = quiesceOperations(version)
  if (stage === 'freeze' && begin === VssOperation.freeze) return freezeBody(request)
  const body = new Uint8Array(SHORT_BODY)
  body[0] = { check: VssOperation.checkHotBackup, freeze: begin, thaw: end, complete: VssOperation.backupComplete }[
    stage
  ]
  if (begin === VssOperation.create && (stage === 'freeze' || stage === 'thaw'))
    vssCreateV2.encode(
      { snapshot_set_id: setId(id), backup_type: request.backupType ?? 0 },
      new DataView(body.buffer),
      8,
    )
  return body
}

function freezeBody({ backupType = 0, luns = [] }: BackupRequest): Uint8Array {
  return vssFreeze.toBytes({
    header: { operation: VssOperation.freeze },
    backup_type: backupType,
    lun_count: luns.length,
    luns: luns.map(({ busType, controller, target, lun }) =>
      lunInfo.create({ bus_type: busType, controller, target, lun }),
    ),
  })
}
