import { Vpd } from '@vmbus/storvsc/protocol'
import type { StorageContext } from './context.ts'
import type { AfterPage, Step, UnitAt } from './state.ts'

/** Bytes before a page's own. */
const HEADER = 4
/** Bytes that a page may have where its length is not asked for first (drivers/scsi/scsi.c, SCSI_VPD_PG_LEN). */
const WHOLE = 255
/** The list of pages as the kernel asks for it to look one up: the header and 32 numbers (drivers/scsi/scsi.c). */
const LIST = HEADER + 32
const ATA_INFORMATION = 0x89
const KEPT: readonly number[] = [Vpd.supported, Vpd.serialNumber, Vpd.identifiers, ATA_INFORMATION]
/** Kept as well where the disk driver takes them from there (Linux 5.19). */
const KEPT_OF_DISKS: readonly number[] = [Vpd.blockLimits, Vpd.characteristics, Vpd.provisioning]

const page = (at: UnitAt, number: number, bytes: number, after: AfterPage, onStack = false): Step => ({
  do: 'page',
  at,
  page: number,
  bytes,
  onStack,
  after,
})

const sized = (at: UnitAt, number: number, after: AfterPage): Step =>
  page(at, number, HEADER, { kind: 'sized', after }, true)

/** The pages that the midlayer keeps of a unit (drivers/scsi/scsi.c, scsi_attach_vpd). */
export function keptPages({ options }: StorageContext, at: UnitAt): Step[] {
  if (!options.vpd) return []
  const kept: AfterPage = { kind: 'kept' }
  return [options.sizedPages ? sized(at, Vpd.supported, kept) : page(at, Vpd.supported, WHOLE, kept)]
}

/** One page, if the unit has it. `bytes` is as many as the caller has room for (drivers/scsi/scsi.c, scsi_get_vpd_page). */
export function pageIfThere({ options }: StorageContext, at: UnitAt, number: number, bytes: number): Step {
  return options.sizedPages
    ? page(at, Vpd.supported, LIST, { kind: 'listed', page: number, bytes: 0 }, true)
    : page(at, Vpd.supported, bytes, { kind: 'listed', page: number, bytes })
}

const lengthOf = (data: Uint8Array): number => (((data[2] ?? 0) << 8) | (data[3] ?? 0)) + HEADER

const listOf = (data: Uint8Array): number[] => [...data.subarray(HEADER, lengthOf(data))]

/** A list that is longer than the buffer may have the page (drivers/scsi/scsi.c, scsi_get_vpd_page). */
const mayHave = (data: Uint8Array, number: number): boolean =>
  listOf(data).includes(number) || lengthOf(data) > data.length

/** What a page that was read leads to. */
export function paged(ctx: StorageContext, step: Extract<Step, { do: 'page' }>, data: Uint8Array): Step[] {
  const { at, after } = step
  // Another page than the one that was asked for (drivers/scsi/scsi.c, scsi_vpd_inquiry).
  if (data[1] !== step.page) return []
  switch (after.kind) {
    case 'nothing':
      return []
    case 'sized':
      return [page(at, step.page, lengthOf(data), after.after)]
    case 'listed':
      if (!mayHave(data, after.page)) return []
      return [
        after.bytes === 0
          ? sized(at, after.page, { kind: 'nothing' })
          : page(at, after.page, after.bytes, { kind: 'nothing' }),
      ]
    case 'kept': {
      const wanted = ctx.options.sizedPages ? [...KEPT, ...KEPT_OF_DISKS] : KEPT
      return [...new Set(listOf(data))]
        .filter((number) => wanted.includes(number))
        .map((number) => keep(ctx, at, number))
    }
  }
}

function keep({ options }: StorageContext, at: UnitAt, number: number): Step {
  if (!options.sizedPages) return page(at, number, WHOLE, { kind: 'nothing' })
  return number === Vpd.supported
    ? sized(at, number, { kind: 'nothing' })
    : page(at, Vpd.supported, LIST, { kind: 'listed', page: number, bytes: 0 }, true)
}
