import { PRIVILEGE } from '../privileges.ts'
import { assign, emit, emitNumber, pageAddress, register } from '../register.ts'
import { vpOf } from '../state.ts'
import { MSR } from './numbers.ts'
import type { MsrContext, MsrTable } from './table.ts'

const PAGE = 4096
/** Bits 11:1 of the assist page register are reserved. */
const ASSIST_RESERVED = 0xffe

/** EOI, ICR and TPR, when the machine gives its local APICs. */
export function apicMsrs(table: MsrTable, context: MsrContext): void {
  const { apic } = context
  if (apic === undefined || (context.features.privilegesLow & PRIVILEGE.apic) === 0) return
  table.set(MSR.eoi, {
    write(vp) {
      apic.eoi(vp)
      return true
    },
  })
  table.set(MSR.icr, {
    read: (vp, out) => apic.readIcr(vp, out),
    write: (vp, low, high) => apic.writeIcr(vp, low, high),
  })
  table.set(MSR.tpr, {
    read: (vp, out) => emitNumber(out, apic.readTpr(vp) & 0xff),
    write(vp, low, high) {
      if (high !== 0 || low > 0xff) return false
      apic.writeTpr(vp, low)
      return true
    },
  })
}

/**
 * The VP assist page. It is there without APIC registers too: Linux writes it on every processor that it brings up,
 * unasked (arch/x86/hyperv/hv_init.c, hv_cpu_init), and warns about a #GP.
 */
export function assistPageMsr(table: MsrTable, context: MsrContext): void {
  const { state, memory } = context
  const disabled = register()
  table.set(MSR.vpAssistPage, {
    read: (vp, out) => emit(out, state.vps[vp]?.assistPage ?? disabled),
    write(vp, low, high) {
      if ((low & ASSIST_RESERVED) !== 0) return false
      if ((low & 1) !== 0) {
        const gpa = pageAddress(low, high)
        if (gpa + PAGE > memory.size) return false
        // The "no EOI required" word, which this partition never sets.
        memory.bytes.fill(0, gpa, gpa + 4)
        memory.wrote(gpa, 4)
      }
      assign(vpOf(state, vp).assistPage, low, high)
      return true
    },
  })
}
