import { PRIVILEGE } from '../privileges.ts'
import { assign, emit, emitNumber, enabledPage, isEnabled, pageAddress, type Register } from '../register.ts'
import { SINT_MASKED, SINTS, TIMERS, newVp, vpOf, type VpState } from '../state.ts'
import type { GuestMemory } from '../types.ts'
import { MSR } from './numbers.ts'
import type { MsrContext, MsrTable } from './table.ts'

const PAGE = 4096
/** The version of the SynIC that every release of the hypervisor has. */
const SYNIC_VERSION = 1
/** Vectors below this are exceptions (TLFS "SINTx Registers"). */
const FIRST_VECTOR = 16

/** SynIC control, its two pages, end of message, and the sixteen interrupt sources. */
export function synicMsrs(table: MsrTable, context: MsrContext): void {
  if ((context.features.privilegesLow & PRIVILEGE.synic) === 0) return
  const { state, memory } = context
  const initial = newVp()
  const peek = (vp: number): VpState => state.vps[vp] ?? initial

  table.set(MSR.scontrol, {
    read: (vp, out) => emit(out, peek(vp).scontrol),
    write(vp, low, high) {
      assign(vpOf(state, vp).scontrol, low, high)
      context.retry(vp, -1)
      return true
    },
  })
  table.set(MSR.sversion, { read: (_vp, out) => emitNumber(out, SYNIC_VERSION) })
  table.set(MSR.siefp, {
    read: (vp, out) => emit(out, peek(vp).siefp),
    write(vp, low, high) {
      if (!setPage(memory, vpOf(state, vp).siefp, low, high)) return false
      context.retry(vp, -1)
      return true
    },
  })
  table.set(MSR.simp, {
    read: (vp, out) => emit(out, peek(vp).simp),
    write(vp, low, high) {
      if (!setPage(memory, vpOf(state, vp).simp, low, high)) return false
      context.retry(vp, -1)
      return true
    },
  })
  table.set(MSR.eom, {
    read: (_vp, out) => emitNumber(out, 0),
    write(vp) {
      context.retry(vp, -1)
      return true
    },
  })
  for (let n = 0; n < SINTS; n++) {
    table.set(MSR.sint0 + n, {
      read(vp, out) {
        const sint = peek(vp).sints[n]
        if (sint !== undefined) emit(out, sint)
      },
      write(vp, low, high) {
        if ((low & SINT_MASKED) === 0 && (low & 0xff) < FIRST_VECTOR) return false
        const sint = vpOf(state, vp).sints[n]
        if (sint === undefined) return false
        assign(sint, low, high)
        context.retry(vp, n)
        return true
      },
    })
  }
}

/** The four synthetic timers. */
export function timerMsrs(table: MsrTable, context: MsrContext): void {
  if ((context.features.privilegesLow & PRIVILEGE.syntheticTimers) === 0) return
  const { state, timers } = context
  const initial = newVp()
  for (let n = 0; n < TIMERS; n++) {
    table.set(MSR.stimer0Config + 2 * n, {
      read(vp, out) {
        const timer = (state.vps[vp] ?? initial).timers[n]
        if (timer !== undefined) emit(out, timer.config)
      },
      write(vp, low, high) {
        const timer = vpOf(state, vp).timers[n]
        return timer !== undefined && timers.setConfig(vp, timer, n, low, high)
      },
    })
    table.set(MSR.stimer0Count + 2 * n, {
      read(vp, out) {
        const timer = (state.vps[vp] ?? initial).timers[n]
        if (timer !== undefined) emit(out, timer.count)
      },
      write(vp, low, high) {
        const timer = vpOf(state, vp).timers[n]
        if (timer !== undefined) timers.setCount(vp, timer, n, low, high)
        return true
      },
    })
  }
}

/**
 * Moves an overlay page. On Hyper-V it is memory of the hypervisor laid over the guest's; here it is the guest's own
 * RAM, so the page that is enabled starts as zeros, as a new overlay does, and one that moves takes its contents
 * along. A GPA outside RAM is a #GP.
 */
function setPage(memory: GuestMemory, r: Register, low: number, high: number): boolean {
  if ((low & 1) !== 0) {
    const gpa = pageAddress(low, high)
    if (gpa + PAGE > memory.size) return false
    const before = isEnabled(r) ? enabledPage(r, memory.size) : -1
    if (before !== gpa) {
      if (before < 0) memory.bytes.fill(0, gpa, gpa + PAGE)
      else memory.bytes.copyWithin(gpa, before, before + PAGE)
      memory.wrote(gpa, PAGE)
    }
  }
  assign(r, low, high)
  return true
}
