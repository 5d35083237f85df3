import type { Partition, PartitionOptions } from '../types.ts'
import { apicMsrs, assistPageMsr } from './apic.ts'
import { clockMsrs, tscControlMsrs } from './clock.ts'
import { crashMsrs, hypercallMsrs, processorMsrs } from './identity.ts'
import { synicMsrs, timerMsrs } from './synic.ts'
import type { MsrContext, MsrTable } from './table.ts'

/** `hasAssistPage`: the guest may write the page that lets it skip EOIs, by the privilege of the APIC registers. */
export function msrTable(context: MsrContext, hasAssistPage: boolean): MsrTable {
  const msrs: MsrTable = new Map()
  hypercallMsrs(msrs, context)
  processorMsrs(msrs, context)
  clockMsrs(msrs, context)
  tscControlMsrs(msrs, context)
  apicMsrs(msrs, context)
  if (hasAssistPage) assistPageMsr(msrs, context)
  synicMsrs(msrs, context)
  timerMsrs(msrs, context)
  crashMsrs(msrs, context)
  return msrs
}

/** Reads and writes of a guest's processors; what is not in the table, or refuses a value, is a #GP. */
export function createMsrs(
  msrs: MsrTable,
  { vps, trace, diagnose }: Pick<PartitionOptions, 'vps' | 'trace' | 'diagnose'>,
): Pick<Partition, 'rdmsr' | 'wrmsr'> {
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
  }
}
