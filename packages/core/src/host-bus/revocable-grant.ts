import type { GuestMemory } from '@vmbus/hypervisor'
import { createGrant } from '../channel-end.ts'
import type { Gpadl, PageRange } from '../types.ts'

export interface RevocableGrant {
  readonly gpadl: Gpadl
  /** From here on every access fails, whoever still holds the GPADL: its pages are the guest's again. */
  revoke(): void
}

export function revocableGrant(memory: GuestMemory, id: number, ranges: readonly PageRange[]): RevocableGrant {
  const grant = createGrant(memory, id, ranges)
  let isGranted = true
  return {
    gpadl: {
      id,
      byteLength: grant.byteLength,
      ranges,
      read: (offset, into) => isGranted && grant.read(offset, into),
      write: (offset, from) => isGranted && grant.write(offset, from),
      segments: (offset, length, out) => isGranted && grant.segments(offset, length, out),
    },
    revoke() {
      isGranted = false
    },
  }
}
