import { CRASH_MESSAGE, CRASH_NOTIFY, crashReport } from '../crash.ts'
import { MISC_FEATURE, PRIVILEGE } from '../privileges.ts'
import { ENABLE, assign, emit, emitNumber, isEnabled, pageAddress } from '../register.ts'
import { MSR } from './numbers.ts'
import type { MsrContext, MsrTable } from './table.ts'

/** HV_X64_MSR_HYPERCALL bit 1: no more writes until the partition is reset. */
const LOCKED = 2
/** Bits 11:2 of the hypercall register are reserved. */
const HYPERCALL_RESERVED = 0xffc
/** int3, so that a jump into the middle of the page is noticed (as OpenVMM fills it). */
const BREAKPOINT = 0xcc
const PAGE = 4096

/** Who the guest is, and where its hypercall page lies. */
export function hypercallMsrs(table: MsrTable, context: MsrContext): void {
  if ((context.features.privilegesLow & PRIVILEGE.hypercall) === 0) return
  const { state, memory, hypercallCode } = context
  table.set(MSR.guestOsId, {
    read: (_vp, out) => emit(out, state.guestOsId),
    write(_vp, low, high) {
      assign(state.guestOsId, low, high)
      // TLFS "Establishing the Hypercall Interface": without an identity there are no hypercalls.
      if (low === 0 && high === 0) state.hypercall.low = (state.hypercall.low & ~ENABLE) >>> 0
      return true
    },
  })
  table.set(MSR.hypercall, {
    read: (_vp, out) => emit(out, state.hypercall),
    write(_vp, low, high) {
      if ((state.hypercall.low & LOCKED) !== 0 || (low & HYPERCALL_RESERVED) !== 0) return false
      if ((low & ENABLE) === 0) {
        assign(state.hypercall, low, high)
        return true
      }
      // Ignored, not refused: the register stays as it was until the guest has said who it is.
      if ((state.guestOsId.low | state.guestOsId.high) === 0) return true
      const gpa = pageAddress(low, high)
      if (gpa + PAGE > memory.size) return false
      const isMoved = !isEnabled(state.hypercall) || pageAddress(state.hypercall.low, state.hypercall.high) !== gpa
      assign(state.hypercall, low, high)
      if (isMoved) {
        memory.bytes.fill(BREAKPOINT, gpa, gpa + PAGE)
        memory.bytes.set(hypercallCode, gpa)
        memory.wrote(gpa, PAGE)
      }
      return true
    },
  })
}

/** VP index, reset, run time and idle. */
export function processorMsrs(table: MsrTable, context: MsrContext): void {
  const { features, clock } = context
  const has = (privilege: number): boolean => (features.privilegesLow & privilege) !== 0
  if (has(PRIVILEGE.vpIndex)) table.set(MSR.vpIndex, { read: (vp, out) => emitNumber(out, vp) })
  if (has(PRIVILEGE.reset)) {
    table.set(MSR.reset, {
      read: (_vp, out) => emitNumber(out, 0),
      write(_vp, low) {
        if ((low & 1) !== 0) context.reset?.()
        return true
      },
    })
  }
  // A virtual processor here always runs, so its run time is the partition's age.
  if (has(PRIVILEGE.vpRuntime)) table.set(MSR.vpRuntime, { read: (_vp, out) => emitNumber(out, clock.now()) })
  if (has(PRIVILEGE.guestIdle)) {
    table.set(MSR.guestIdle, {
      read(vp, out) {
        emitNumber(out, 0)
        context.idle?.(vp)
      },
    })
  }
}

/** Crash parameters and their notification. */
export function crashMsrs(table: MsrTable, context: MsrContext): void {
  if ((context.features.misc & MISC_FEATURE.crash) === 0) return
  const { state, memory } = context
  state.crash.forEach((parameter, n) => {
    table.set(MSR.crashP0 + n, {
      read: (_vp, out) => emit(out, parameter),
      write(_vp, low, high) {
        assign(parameter, low, high)
        return true
      },
    })
  })
  table.set(MSR.crashControl, {
    // Reading says what the host takes, not what was written.
    read(_vp, out) {
      out[0] = 0
      out[1] = CRASH_NOTIFY + CRASH_MESSAGE
    },
    write(_vp, _low, high) {
      if ((high & CRASH_NOTIFY) !== 0) context.crashed?.(crashReport(memory, state.crash, high))
      return true
    },
  })
}
