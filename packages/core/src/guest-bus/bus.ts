import { MESSAGE_TYPE, guestProcessor } from '@vmbus/hypervisor'
import { TICKS_PER_MS, scopedTimers, seeded } from '@vmbus/world'
import { CoreError } from '../errors.ts'
import { MessageId, encode, layouts } from '../messages/index.ts'
import type { GuestDriver, GuestDriverDeps } from '../types.ts'
import { Version } from '../versions.ts'
import { channelHandle, signalled } from './channels.ts'
import { moveMonitorPages, pauseMessages, resumeMessages } from './connection.ts'
import { contact } from './contact.ts'
import { channelByRelid, channelsOf, reject, type GuestContext } from './context.ts'
import { dispatch, lost } from './dispatch.ts'
import { continueSuspend, suspend, unload, unloaded } from './unload.ts'
import { post, pump } from './post.ts'
import { continueProbing, load } from './probing.ts'
import { restoreState, saveState } from './snapshot.ts'
import { initialState, type GuestDeviceState } from './state.ts'
import { bringUp, service } from './synic.ts'
import { LINUX_POST, type GuestBehaviour, type GuestBus, type GuestBusEvent, type GuestBusOptions } from './types.ts'

/** Linux 6.1 where drivers differ and nobody is wrong. */
const DEFAULT_BEHAVIOUR: GuestBehaviour = {
  // Open source, OS type 1 (Linux), version 6.1 (arch/x86/hyperv/hv_init.c: vendor 0x8100 above the kernel version).
  osId: 0x8100_0006_0001_0000n,
  vector: 0xf3,
  connectVp: 0,
  gpadlStart: 0xe1e10,
  openId: 'relid',
  probing: 'at-once',
  interruptPageBelow: Version.v5_0,
  unloadFrom: Version.v0_13,
  checksConnectionState: true,
  closesRescinded: false,
  featureBits: 'both',
  post: LINUX_POST,
  features: 0,
  unloadTimeout: 1_000_000_000,
}
const POLL_TICKS = TICKS_PER_MS
const SLOT_BYTES = 256
const PAYLOAD = 16

/** The guest's end of a VMBus: what the bus driver of an operating system does. */
export function createGuestBus(options: GuestBusOptions): GuestBus {
  const { partition } = options
  const vps = options.vps ?? partition.vps
  if (!(Number.isInteger(vps) && vps >= 1 && vps <= partition.vps))
    throw new CoreError('VMBUS_BUS_OPTIONS', { field: 'vps', value: vps, allowed: `1 to ${partition.vps}` })
  const behaviour: GuestBehaviour = { ...DEFAULT_BEHAVIOUR, ...options.behaviour }
  const listeners = new Set<(event: GuestBusEvent) => void>()
  const slot = new Uint8Array(SLOT_BYTES)
  let busy = false

  const ctx: GuestContext = {
    options,
    behaviour,
    vps,
    state: {
      ...initialState(behaviour.gpadlStart),
      loaded: [...(options.loaded ?? options.drivers.map(({ kind }) => kind))],
    },
    processors: Array.from({ length: vps }, (_, vp) => guestProcessor(partition, vp)),
    drivers: new Map(),
    ends: new Map(),
    handles: new Map(),
    emit: (event) => {
      for (const listener of listeners) listener(event)
    },
    lost: (payload, status) => lost(ctx, payload, status),
    handleOf: (channel) => {
      const handle = ctx.handles.get(channel.key) ?? channelHandle(ctx, channel)
      ctx.handles.set(channel.key, handle)
      return handle
    },
    due: (key) => {
      ctx.state.due.add(key)
      if (!busy) wakeAt(options.clock.now())
    },
    poll: () => {
      if (ctx.state.dueAt === null) wakeAt(options.clock.now() + POLL_TICKS)
    },
    makeDriver,
    run,
    hold,
  }

  function wakeAt(at: number): void {
    ctx.state.dueAt = at
    options.timers.set('due', at)
  }

  function makeDriver(record: GuestDeviceState | undefined): GuestDriver | undefined {
    const spec = options.drivers.find(
      (driver) => driver.kind === record?.kind && driver.interfaceIds.includes(record.interfaceId),
    )
    if (record === undefined || spec === undefined) return undefined
    const { key: device, instanceId } = record
    const deps: GuestDriverDeps = {
      clock: options.clock,
      timers: scopedTimers(options.timers, `device/${device}`),
      seed: seeded(options.seed.u32('driver', spec.kind, instanceId)),
      diagnose: (diagnostic) => options.diagnose?.(diagnostic),
      memory: partition.memory,
      pages: options.pages,
      vps,
      version: () => ctx.state.version,
      referenceTime: () => ctx.processors[behaviour.connectVp]?.referenceTime() ?? 0,
      event: (name, detail) => ctx.emit({ kind: 'driver', driver: spec.kind, instanceId, name, detail }),
    }
    return spec.create(deps)
  }

  /** Runs one thing at a time; an interrupt that a hypercall within it causes waits until it is done. */
  function run(work: () => void): void {
    if (busy) return work()
    busy = true
    try {
      work()
      do continueSuspend(ctx)
      while (next())
    } finally {
      busy = false
    }
  }

  /** Nobody waits here for the interrupts: a timer that is due at once takes them, unless the owner's next call does. */
  function hold<T>(work: () => T): T {
    if (busy) return work()
    busy = true
    try {
      return work()
    } finally {
      busy = false
      if (!ctx.state.interrupts.isEmpty) wakeAt(options.clock.now())
    }
  }

  /** The next waiting interrupt, else the next channel whose driver is due. */
  function next(): boolean {
    const { interrupts, due, channels } = ctx.state
    const vp = interrupts.take()
    if (vp !== undefined) {
      serve(vp)
      return true
    }
    const key = due.take()
    if (key === undefined) return false
    const channel = channels.get(key)
    if (channel !== undefined) signalled(ctx, channel)
    return true
  }

  function serve(vp: number): void {
    const isMessage = service(ctx, vp, slot, (relid) => {
      const channel = channelByRelid(ctx, relid)
      if (channel?.phase === 'open' || channel?.phase === 'opening') signalled(ctx, channel)
      else reject(ctx, 'signal-unknown', { relid })
    })
    if (!isMessage) return
    const header = new DataView(slot.buffer)
    const type = header.getUint32(0, true)
    // A copy, which ends with the slot: handling it may take the next one.
    if (type === MESSAGE_TYPE.vmbus) dispatch(ctx, slot.slice(PAYLOAD, PAYLOAD + header.getUint8(4)))
    else reject(ctx, 'message-type', { type })
  }

  function timer(name: string): void {
    if (name === 'post') return pump(ctx)
    if (name === 'probe') return continueProbing(ctx)
    if (name === 'due') {
      ctx.state.dueAt = null
      for (const [key, end] of ctx.ends) if (end.mustPoll) ctx.state.due.add(key)
      return
    }
    if (name === 'unload')
      return ctx.state.phase === 'unloading' || ctx.state.phase === 'suspending' ? unloaded(ctx) : undefined
    const [, key, rest] = /^device\/(\d+)\/(.*)$/s.exec(name) ?? []
    if (key !== undefined && rest !== undefined) ctx.drivers.get(Number(key))?.timer?.(rest)
  }

  return {
    get phase() {
      return ctx.state.phase
    },
    vps,
    get version() {
      return ctx.state.version
    },
    get features() {
      return ctx.state.features
    },
    get devices() {
      return [...ctx.state.devices.values()].map(({ key, interfaceId, instanceId, kind }) => ({
        interfaceId,
        instanceId,
        kind: kind ?? undefined,
        driver: ctx.drivers.get(key),
        channels: channelsOf(ctx, key).map((channel) => ctx.handleOf(channel)),
      }))
    },
    start: () =>
      run(() => {
        const { state } = ctx
        if (state.phase !== 'off' && state.phase !== 'failed')
          throw new CoreError('VMBUS_CHANNEL_STATE', { field: 'phase', value: state.phase, allowed: 'off or failed' })
        if (state.phase === 'off') bringUp(ctx)
        state.attempt = 0
        contact(ctx)
      }),
    interrupt: (vp, vector) => {
      if (vector !== behaviour.vector || vp >= vps) return
      ctx.state.interrupts.add(vp)
      run(() => {})
    },
    timer: (name) => {
      run(() => timer(name))
      if ([...ctx.ends.values()].some((end) => end.mustPoll)) ctx.poll()
    },
    load: (kinds) => run(() => load(ctx, kinds)),
    unload: () => run(() => unload(ctx)),
    suspend: () => run(() => suspend(ctx)),
    resume: () =>
      run(() => {
        if (ctx.state.phase === 'suspended') contact(ctx)
      }),
    pauseMessages: () => run(() => pauseMessages(ctx)),
    resumeMessages: () => run(() => resumeMessages(ctx)),
    moveMonitorPages: () => run(() => moveMonitorPages(ctx)),
    connectSocket: (endpointId, serviceId, siloId) =>
      run(() => {
        const { version } = ctx.state
        if (version < Version.v4_0)
          throw new CoreError('VMBUS_CHANNEL_STATE', { field: 'version', value: version, allowed: 'at least 4.0' })
        if (version < Version.v5_2)
          post(ctx, encode(layouts.tlConnectRequest, MessageId.tlConnectRequest, { endpointId, serviceId }))
        else
          post(
            ctx,
            encode(
              layouts.tlConnectRequestV52,
              MessageId.tlConnectRequest,
              siloId === undefined ? { endpointId, serviceId } : { endpointId, serviceId, siloId },
            ),
          )
      }),
    on: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    save: () => saveState(ctx),
    restore: (state) => restoreState(ctx, state),
    inspect: () => inspect(ctx),
  }
}

function inspect(ctx: GuestContext): Record<string, unknown> {
  const { state } = ctx
  return {
    phase: state.phase,
    version: state.version,
    features: state.features,
    connection: state.connection,
    outgoing: state.outgoing.length,
    devices: [...state.devices.values()].map(({ key, kind, instanceId, interfaceId }) => ({
      kind,
      interfaceId,
      instanceId,
      channels: channelsOf(ctx, key).map(({ key: channel, offer, phase, targetVp, stale }) => ({
        relid: offer.relid,
        subchannelIndex: offer.subchannelIndex,
        phase,
        targetVp,
        stale,
        ring: ctx.ends.get(channel)?.inspect(),
      })),
      ...ctx.drivers.get(key)?.inspect(),
    })),
    gpadls: [...state.gpadls.values()].map(({ id, phase, purpose, ranges }) => ({
      id,
      phase,
      purpose,
      pages: ranges.reduce((sum, range) => sum + range.pfns.length, 0),
    })),
  }
}
