import { DEFAULT_FEATURES, cpuidLeaf, effectiveFeatures } from './cpuid.ts'
import { PartitionError } from './errors.ts'
import { createHypercalls } from './hypercalls.ts'
import { apicMsrs, assistPageMsr } from './msrs/apic.ts'
import { clockMsrs, tscControlMsrs } from './msrs/clock.ts'
import { crashMsrs, hypercallMsrs, processorMsrs } from './msrs/identity.ts'
import { synicMsrs, timerMsrs } from './msrs/synic.ts'
import type { MsrContext, MsrTable } from './msrs/table.ts'
import { portTable } from './ports.ts'
import { MISC_FEATURE, PRIVILEGE } from './privileges.ts'
import { enabledPage } from './register.ts'
import { checkState, restoreState, saveState } from './snapshot.ts'
import { SINTS, newPartitionState, type VpState } from './state.ts'
import { createSyntheticTimers } from './stimers.ts'
import { createSynic } from './synic.ts'
import type { Partition, PartitionOptions } from './types.ts'

export const MAX_VPS = 2048

/** `vmcall; ret`, what Hyper-V writes on Intel processors; `vmmcall; ret` on AMD. */
export const HYPERCALL_CODE_INTEL: readonly number[] = [0x0f, 0x01, 0xc1, 0xc3]
export const HYPERCALL_CODE_AMD: readonly number[] = [0x0f, 0x01, 0xd9, 0xc3]

const DEFAULT_QUEUE_DEPTH = 1024
const PAGE = 4096

/**
 * A partition: what a guest's processors trap on, and what a host does to its guest, over one state. It starts as after
 * power-on. @throws PartitionError VMBUS_PARTITION_OPTION for a number of processors outside 1…2048 or a hypercall code
 * that does not fit into its page.
 */
export function createPartition(options: PartitionOptions): Partition {
  const { memory, clock, vps, trace, diagnose } = options
  if (!Number.isInteger(vps) || vps < 1 || vps > MAX_VPS) {
    throw new PartitionError('VMBUS_PARTITION_OPTION', `${vps} virtual processors are not 1…${MAX_VPS}`)
  }
  const hypercallCode = options.hypercallCode ?? Uint8Array.from(HYPERCALL_CODE_INTEL)
  if (hypercallCode.length > PAGE) {
    throw new PartitionError('VMBUS_PARTITION_OPTION', `hypercall code of ${hypercallCode.length} bytes exceeds a page`)
  }
  const features = effectiveFeatures(options.features, options.apic !== undefined)
  const state = newPartitionState()
  const ports = portTable()
  const listeners = new Set<(vp: number) => void>()

  const interrupt = (vp: number, vector: number, autoEoi: boolean): void => {
    if (trace !== undefined) trace({ kind: 'interrupt', vp, vector })
    options.interrupt(vp, vector, autoEoi)
  }
  const synic = createSynic({
    state,
    memory,
    vps,
    queueDepth: options.messageQueueDepth ?? DEFAULT_QUEUE_DEPTH,
    interrupt,
  })
  const timers = createSyntheticTimers({
    state,
    clock,
    timers: options.timers,
    directMode: (features.misc & MISC_FEATURE.directTimers) !== 0,
    place: synic.place,
    raise: synic.raise,
    interrupt,
  })
  /** Timers first: they are few, and each is late already. */
  const retry = (vp: number, sint: number): void => {
    timers.retry(vp, sint)
    if (sint >= 0) synic.retry(vp, sint)
    else for (let n = 0; n < SINTS; n++) synic.retry(vp, n)
    for (const listener of listeners) listener(vp)
  }
  const hypercall = createHypercalls({ state, features, memory, vps, ports, trace, diagnose })

  const context: MsrContext = {
    state,
    features,
    memory,
    clock,
    timers,
    hypercallCode,
    apic: options.apic,
    tscOrigin: options.tscOrigin,
    retry,
    crashed: options.crashed?.bind(options),
    reset: options.reset?.bind(options),
    idle: options.idle?.bind(options),
  }
  const msrs: MsrTable = new Map()
  hypercallMsrs(msrs, context)
  processorMsrs(msrs, context)
  clockMsrs(msrs, context)
  tscControlMsrs(msrs, context)
  apicMsrs(msrs, context)
  if (((options.features?.privilegesLow ?? DEFAULT_FEATURES.privilegesLow) & PRIVILEGE.apic) !== 0)
    assistPageMsr(msrs, context)
  synicMsrs(msrs, context)
  timerMsrs(msrs, context)
  crashMsrs(msrs, context)

  const isVp = (vp: number): boolean => vp >= 0 && vp < vps
  const refused = (vp: number, msr: number, write: boolean): false => {
    diagnose?.({
      code: 'VMBUS_MSR_REFUSED',
      source: 'hypervisor',
      message: `${write ? 'write to' : 'read of'} MSR 0x${(msr >>> 0).toString(16)} is a #GP`,
      detail: { vp, msr },
    })
    return false
  }

  return {
    memory,
    clock,
    vps,
    guestOsId: () => (BigInt(state.guestOsId.high >>> 0) << 32n) | BigInt(state.guestOsId.low >>> 0),
    cpuid: (_vp, leaf, _subleaf, out) => cpuidLeaf(features, leaf >>> 0, out),
    rdmsr(vp, msr, out) {
      const found = isVp(vp) ? msrs.get(msr >>> 0) : undefined
      if (found?.read === undefined) return refused(vp, msr, false)
      found.read(vp, out)
      if (trace !== undefined)
        trace({ kind: 'msr', vp, msr: msr >>> 0, write: false, lo: out[0] ?? 0, hi: out[1] ?? 0 })
      return true
    },
    wrmsr(vp, msr, low, high) {
      const found = isVp(vp) ? msrs.get(msr >>> 0) : undefined
      if (found?.write === undefined) return refused(vp, msr, true)
      if (trace !== undefined) trace({ kind: 'msr', vp, msr: msr >>> 0, write: true, lo: low >>> 0, hi: high >>> 0 })
      return found.write(vp, low >>> 0, high >>> 0) || refused(vp, msr, true)
    },
    hypercall: (vp, controlLow, controlHigh, inputLow, inputHigh) =>
      hypercall(vp, controlLow, controlHigh, inputLow, inputHigh),
    timer: (name) => timers.fired(name),
    eoi(vp, vector) {
      state.vps[vp]?.sints.forEach((sint, n) => {
        if ((sint.low & 0xff) === vector) retry(vp, n)
      })
    },
    connectMessagePort: (connection, port) => ports.connectMessage(connection, port),
    connectEventPort: (connection, port) => ports.connectEvent(connection, port),
    disconnectPort: (connection) => ports.disconnect(connection),
    postMessage: (vp, sint, type, payload) => synic.post(vp, sint, type, payload),
    signalEvent: (vp, sint, flag) => synic.signal(vp, sint, flag),
    assertSint: (vp, sint) => synic.assert(vp, sint),
    queuedMessages: (vp, sint) => state.vps[vp]?.queues[sint]?.length ?? 0,
    dropMessages(vp, sint) {
      const queue = state.vps[vp]?.queues[sint]
      if (queue !== undefined) queue.length = 0
    },
    onSynicReady(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    sintReady: (vp, sint) => synic.ready(vp, sint),
    save: () => saveState(state),
    checkState: (from) => void checkState(from, vps),
    restore(from) {
      const saved = checkState(from, vps)
      timers.disarmAll()
      restoreState(state, saved)
      timers.armAll()
    },
    inspect() {
      const processors: Record<string, unknown> = {}
      state.vps.forEach((vp, index) => {
        if (vp !== undefined) processors[index] = inspectVp(vp, memory.size)
      })
      return {
        guestOsId: `0x${((BigInt(state.guestOsId.high) << 32n) | BigInt(state.guestOsId.low)).toString(16)}`,
        hypercallPage: enabledPage(state.hypercall, memory.size),
        referenceTscPage: enabledPage(state.referenceTsc, memory.size),
        features,
        messagePorts: [...ports.messages.keys()],
        eventPorts: [...ports.events.keys()],
        processors,
      }
    },
  }
}

/** GPAs are -1 when the page is off. */
function inspectVp(vp: VpState, ram: number): Record<string, unknown> {
  return {
    synic: (vp.scontrol.low & 1) !== 0,
    messagePage: enabledPage(vp.simp, ram),
    eventFlagsPage: enabledPage(vp.siefp, ram),
    sints: vp.sints.map((sint) => sint.low),
    queued: vp.queues.map((queue) => queue.length),
    timers: vp.timers.map(({ config, due, waiting }) => ({ config: config.low, due, waiting })),
  }
}
