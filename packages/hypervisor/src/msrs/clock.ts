import { PRIVILEGE, MISC_FEATURE } from '../privileges.ts'
import { assign, emit, emitNumber, isEnabled, pageAddress, type Register } from '../register.ts'
import { tscScale, writeReferenceTscPage } from '../time.ts'
import { MSR } from './numbers.ts'
import type { MsrContext, MsrTable } from './table.ts'

const PAGE = 4096
/** Bits 11:1 of the reference TSC register are reserved (OpenVMM refuses them). */
const REFERENCE_TSC_RESERVED = 0xffe

/** Reference time as a counter and as a page, and the frequencies. */
export function clockMsrs(table: MsrTable, context: MsrContext): void {
  const { features, clock, state } = context
  const has = (privilege: number): boolean => (features.privilegesLow & privilege) !== 0
  if (has(PRIVILEGE.referenceCounter))
    table.set(MSR.timeReferenceCount, { read: (_vp, out) => emitNumber(out, clock.now()) })
  if (has(PRIVILEGE.referenceTsc)) {
    table.set(MSR.referenceTsc, {
      read: (_vp, out) => emit(out, state.referenceTsc),
      write: (_vp, low, high) => setReferenceTsc(context, low, high),
    })
  }
  if (has(PRIVILEGE.frequency) && (features.misc & MISC_FEATURE.frequency) !== 0) {
    table.set(MSR.tscFrequency, { read: (_vp, out) => emitNumber(out, features.tscFrequency) })
    table.set(MSR.apicFrequency, { read: (_vp, out) => emitNumber(out, features.apicFrequency) })
  }
}

/**
 * Re-enlightenment and TSC invariance: registers that only a migration between unequal processors would act on. They
 * keep what the guest writes; no TSC of this partition ever changes its rate, so no notification is sent.
 */
export function tscControlMsrs(table: MsrTable, context: MsrContext): void {
  const { features, state } = context
  const stored = (msr: number, r: Register): void => {
    table.set(msr, {
      read: (_vp, out) => emit(out, r),
      write(_vp, low, high) {
        assign(r, low, high)
        return true
      },
    })
  }
  if ((features.privilegesLow & PRIVILEGE.reenlightenment) !== 0) {
    stored(MSR.reenlightenmentControl, state.reenlightenmentControl)
    stored(MSR.tscEmulationControl, state.tscEmulationControl)
    stored(MSR.tscEmulationStatus, state.tscEmulationStatus)
  }
  if ((features.privilegesLow & PRIVILEGE.tscInvariant) !== 0) {
    table.set(MSR.tscInvariantControl, {
      read: (_vp, out) => emit(out, state.tscInvariantControl),
      write(_vp, low, high) {
        if (high !== 0 || low > 1) return false
        assign(state.tscInvariantControl, low, high)
        return true
      },
    })
  }
}

function setReferenceTsc(context: MsrContext, low: number, high: number): boolean {
  const { state, memory, features, tscOrigin } = context
  if ((low & REFERENCE_TSC_RESERVED) !== 0) return false
  if ((low & 1) !== 0) {
    const gpa = pageAddress(low, high)
    if (gpa + PAGE > memory.size) return false
    if (!isEnabled(state.referenceTsc) || pageAddress(state.referenceTsc.low, state.referenceTsc.high) !== gpa) {
      const scale = tscScale(features.tscFrequency)
      if (tscOrigin === undefined || scale === 0n) writeReferenceTscPage(memory, gpa, 0, 0n, 0n)
      else {
        state.tscSequence = nextSequence(state.tscSequence)
        writeReferenceTscPage(memory, gpa, state.tscSequence, scale, tscOrigin)
      }
    }
  }
  assign(state.referenceTsc, low, high)
  return true
}

/** 0 says invalid, and 0xFFFFFFFF said so to early guests. */
function nextSequence(sequence: number): number {
  return sequence >= 0xffff_fffe ? 1 : sequence + 1
}
