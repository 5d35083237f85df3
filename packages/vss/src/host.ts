import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import {
  At,
  HResult,
  IcType,
  icHost,
  icHostState,
  setDeadline,
  type IcHost,
  type IcHostState,
  type IcVersions,
} from '@vmbus/ic'
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

/** What the calls of a host share; only `state` and that of `ic` are saved. */
interface Context {
  readonly deps: HostDeviceDeps
  readonly limits: { readonly freeze: number; readonly reply: number; readonly snapshot: number }
  readonly snapshot: VssHostOptions['snapshot']
  readonly ic: IcHost
  state: State
}

function setTimer({ deps, state }: Context, seconds: number): void {
  setDeadline(deps, state, 'stage', deps.clock.now() + seconds * TICKS_PER_SECOND)
}

function rest(ctx: Context): void {
  ctx.state = idle(ctx.state.nextId)
  setTimer(ctx, Infinity)
}

/** The result is out, once. Without `rest`, the guest is still to be left as it was. */
function end(ctx: Context, outcome: BackupResult['outcome'], after?: typeof rest): void {
  const { id, stage, status, ended, taken } = ctx.state
  ctx.state.ended = true
  // Before anybody hears of it: who does may begin the next.
  after?.(ctx)
  if (ended || stage === 'idle') return
  const consistent = taken && stage === 'complete'
  ctx.deps.event('backup', { id, outcome, stage, status, consistent } satisfies BackupResult)
}

function takeSnapshot({ snapshot, state, deps }: Context): boolean | 'later' {
  try {
    return snapshot?.({ id: state.id }) ?? true
  } catch (error) {
    deps.diagnose({ code: 'VMBUS_VSS_SNAPSHOT', source: 'vss', message: `no snapshot was taken: ${String(error)}` })
    return false
  }
}

function enter(ctx: Context, stage: BackupStage): void {
  const { state, limits, ic } = ctx
  state.stage = stage
  setTimer(ctx, stage === 'freeze' ? limits.freeze : stage === 'snapshot' ? limits.snapshot : limits.reply)
  if (stage === 'snapshot') {
    const taken = takeSnapshot(ctx)
    if (taken !== 'later') snapshotDone(ctx, taken)
  } else if (!ic.request(bodyOf(stage, state, ic.message))) end(ctx, 'failed', rest)
}

function snapshotDone(ctx: Context, taken: boolean): boolean {
  if (ctx.state.stage !== 'snapshot') return false
  ctx.state.taken = taken
  if (!taken) end(ctx, 'failed')
  enter(ctx, 'thaw')
  return true
}

function onReply(ctx: Context, status: number): void {
  const { state, deps } = ctx
  state.status = status
  if (status !== HResult.ok) return end(ctx, 'failed', rest)
  switch (state.stage) {
    case 'check':
      return state.ended ? rest(ctx) : enter(ctx, 'freeze')
    case 'freeze':
      deps.event('frozen', { id: state.id })
      return enter(ctx, state.ended ? 'thaw' : 'snapshot')
    case 'thaw':
      deps.event('thawed', { id: state.id })
      return enter(ctx, 'complete')
    case 'complete':
      return end(ctx, 'ok', rest)
    case 'snapshot':
    case 'idle':
      return deps.diagnose({ code: 'VMBUS_VSS_ANSWER', source: 'vss', message: `answer while ${state.stage}` })
  }
}

function backup(ctx: Context, asked: BackupRequest): number | BackupRefusal {
  const request = checkOptions('vss.backup', backupRequest, asked)
  if (ctx.ic.phase !== 'ready') return 'not-connected'
  if (ctx.state.stage !== 'idle') return 'busy'
  if ((request.luns?.length ?? 0) > MAX_LUNS) return 'invalid-parameter'
  const id = ctx.state.nextId
  ctx.state = { ...idle(id + 1), id, request, ended: false }
  enter(ctx, 'check')
  return id
}

function timedOut(ctx: Context): void {
  // FreeBSD never answers it, and nothing of the guest's depends on it.
  if (ctx.state.stage === 'complete') {
    ctx.ic.giveUp()
    return end(ctx, 'timeout', rest)
  }
  end(ctx, 'timeout')
  // A reply that is late is still awaited: a freeze that succeeds after all has to be thawed.
  if (ctx.state.stage === 'snapshot') enter(ctx, 'thaw')
  else setTimer(ctx, Infinity)
}

/**
 * Check, freeze, snapshot, thaw, complete. A guest that froze is thawed whatever became of the backup. Throws OptionsError.
 */
export function vssHost(options: VssHostOptions, deps: HostDeviceDeps, versions: IcVersions = VSS_VERSIONS): VssHost {
  const { limits, snapshot } = checkOptions('vss', hostOptions, options)
  const form = stateOf(versions)
  const ctx: Context = {
    deps,
    limits: { ...LIMITS, ...limits },
    snapshot,
    ic: icHost(deps, versions, {
      type: IcType.vss,
      ready: () => deps.event('ready'),
      // Guests leave the operation of a completion as it is: one that comes late is for no other request.
      answers: (view, length) =>
        length === 0 || view.getUint8(At.body) !== VssOperation.backupComplete || ctx.state.stage === 'complete',
      reply: (status) => onReply(ctx, status),
    }),
    state: idle(1),
  }
  const { ic } = ctx
  const close = (): void => {
    ic.close()
    end(ctx, 'closed', rest)
  }

  return {
    backup: (request = {}) => backup(ctx, request),
    snapshotDone: (taken) => snapshotDone(ctx, taken),
    open: (channel) => ic.open(channel),
    readable: (channel) => ic.readable(channel),
    close,
    // No request of the guest's is under way here: the host's own end.
    rescinded: close,
    timer(name) {
      if (!ic.timer(name)) timedOut(ctx)
    },
    save: () => ({ ...form.head, ...ctx.state, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { kind: _, v: __, ic: framing, ...own } = restoreState(saved, form)
      ctx.state = own
      ic.restore(framing, channels[0])
      if (own.deadline !== Infinity) deps.timers.set('stage', own.deadline)
    },
    inspect: () => ({ ...ic.inspect(), stage: ctx.state.stage }),
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
