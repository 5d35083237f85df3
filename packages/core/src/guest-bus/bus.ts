import { guestProcessor } from '@vmbus/hypervisor'
import { TICKS_PER_MS } from '@vmbus/world'
import { CoreError } from '../errors.ts'
import { Version } from '../versions.ts'
import { channelHandle } from './channels.ts'
import { moveMonitorPages, pauseMessages, resumeMessages } from './connection.ts'
import { contact } from './contact.ts'
import { channelsOf, type GuestContext } from './context.ts'
import { lost } from './dispatch.ts'
import { suspend, unload, unloaded } from './unload.ts'
import { pump } from './post.ts'
import { inspect } from './inspect.ts'
import { continueProbing, load } from './probing.ts'
import { restoreState, saveState } from './snapshot.ts'
import { initialState } from './state.ts'
import { connectSocket } from './sockets.ts'
import { hold, run, wakeAt } from './turns.ts'
import { bringUp } from './synic.ts'
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

/** The guest's end of a VMBus: what the bus driver of an operating system does. */
export function createGuestBus(options: GuestBusOptions): GuestBus {
  const listeners = new Set<(event: GuestBusEvent) => void>()
  const ctx = createContext(options, (event) => {
    for (const listener of listeners) listener(event)
  })
  return {
    get phase() {
      return ctx.state.phase
    },
    vps: ctx.vps,
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
    start: () => run(ctx, () => start(ctx)),
    interrupt: (vp, vector) => {
      if (vector !== ctx.behaviour.vector || vp >= ctx.vps) return
      ctx.state.interrupts.add(vp)
      run(ctx, () => {})
    },
    timer: (name) => {
      run(ctx, () => timer(ctx, name))
      if ([...ctx.ends.values()].some((end) => end.mustPoll)) ctx.poll()
    },
    load: (kinds) => run(ctx, () => load(ctx, kinds)),
    unload: () => run(ctx, () => unload(ctx)),
    suspend: () => run(ctx, () => suspend(ctx)),
    resume: () =>
      run(ctx, () => {
        if (ctx.state.phase === 'suspended') contact(ctx)
      }),
    pauseMessages: () => run(ctx, () => pauseMessages(ctx)),
    resumeMessages: () => run(ctx, () => resumeMessages(ctx)),
    moveMonitorPages: () => run(ctx, () => moveMonitorPages(ctx)),
    connectSocket: (endpointId, serviceId, siloId) => run(ctx, () => connectSocket(ctx, endpointId, serviceId, siloId)),
    on: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    save: () => saveState(ctx),
    restore: (state) => restoreState(ctx, state),
    inspect: () => inspect(ctx),
  }
}

function createContext(options: GuestBusOptions, emit: (event: GuestBusEvent) => void): GuestContext {
  const { partition, clock, vps = partition.vps } = options
  if (!(Number.isInteger(vps) && vps >= 1 && vps <= partition.vps))
    throw new CoreError('VMBUS_BUS_OPTIONS', { field: 'vps', value: vps, allowed: `1 to ${partition.vps}` })
  const behaviour: GuestBehaviour = { ...DEFAULT_BEHAVIOUR, ...options.behaviour }
  const loaded = [...(options.loaded ?? options.drivers.map(({ kind }) => kind))]
  const ctx: GuestContext = {
    options,
    behaviour,
    vps,
    state: { ...initialState(behaviour.gpadlStart), loaded },
    busy: false,
    slot: new Uint8Array(SLOT_BYTES),
    processors: Array.from({ length: vps }, (_, vp) => guestProcessor(partition, vp)),
    drivers: new Map(),
    ends: new Map(),
    handles: new Map(),
    emit,
    lost: (payload, status) => lost(ctx, payload, status),
    handleOf: (channel) => {
      const handle = ctx.handles.get(channel.key) ?? channelHandle(ctx, channel)
      ctx.handles.set(channel.key, handle)
      return handle
    },
    due: (key) => {
      ctx.state.due.add(key)
      if (!ctx.busy) wakeAt(ctx, clock.now())
    },
    poll: () => {
      if (ctx.state.dueAt === null) wakeAt(ctx, clock.now() + POLL_TICKS)
    },
    run: (work) => run(ctx, work),
    hold: (work) => hold(ctx, work),
  }
  return ctx
}

function start(ctx: GuestContext): void {
  const { state } = ctx
  if (state.phase !== 'off' && state.phase !== 'failed')
    throw new CoreError('VMBUS_CHANNEL_STATE', { field: 'phase', value: state.phase, allowed: 'off or failed' })
  if (state.phase === 'off') bringUp(ctx)
  state.attempt = 0
  contact(ctx)
}

function timer(ctx: GuestContext, name: string): void {
  const { state } = ctx
  if (name === 'post') return pump(ctx)
  if (name === 'probe') return continueProbing(ctx)
  if (name === 'due') {
    state.dueAt = null
    for (const [key, end] of ctx.ends) if (end.mustPoll) state.due.add(key)
    return
  }
  if (name === 'unload') return state.phase === 'unloading' || state.phase === 'suspending' ? unloaded(ctx) : undefined
  const [, key, rest] = /^device\/(\d+)\/(.*)$/s.exec(name) ?? []
  if (key !== undefined && rest !== undefined) ctx.drivers.get(Number(key))?.timer?.(rest)
}
