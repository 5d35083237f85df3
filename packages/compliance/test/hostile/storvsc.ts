import { PacketType } from '@vmbus/core'
import { memoryDisk } from '@vmbus/disk'
import {
  STORVSC_GUEST_REJECTS,
  STORVSC_HOST_REJECTS,
  storvsc,
  type StorvscGuest,
  type StorvscHost,
} from '@vmbus/storvsc'
import type { AttackedWorld, DeviceTarget } from '../../src/index.ts'
import { often, phase, type JudgedTarget } from './target.ts'

const PAGE = 4096
/** Where an answer has its status, the status of its request, that of SCSI, and its sense data (wire/05 §2). */
const AT = { status: 8, srb: 14, scsi: 15, sense: 28 } as const
/** COMPLETE_IO, and the id that the driver gives the packets of its set-up. */
const COMPLETE = 1
const SETUP_ID = [0xffff_fffd, 0xffff_ffff] as const
const CHECK_CONDITION = 2
/** With these a request has a status of its own (STATUS_IO_DEVICE_ERROR, STATUS_DEVICE_DOES_NOT_EXIST). */
const REQUEST_STATUSES = new Set([0, 0xc000_0185, 0xc000_00c0])
/** SRB status without its two flags. */
const SRB_CODE = 0x3f
const SUCCESS = 1
/** Opcodes that a disk, a drive or nobody knows. */
const OPCODES: readonly [number, ...number[]] = [
  0x00, 0x03, 0x12, 0x1a, 0x1b, 0x25, 0x28, 0x2a, 0x35, 0x41, 0x42, 0x43, 0x46, 0x4a, 0x55, 0x5a, 0x5e, 0x5f, 0x88,
  0x8a, 0x93, 0x9e, 0xa0, 0xbe, 0xff,
]

/** The branch of an answer that refuses: NTSTATUS, sense, or the status of the request. */
function refusal(payload: Uint8Array): string | undefined {
  if (payload.length < AT.sense + 14) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const status = view.getUint32(AT.status, true)
  if (status !== 0 && !REQUEST_STATUSES.has(status)) return `status 0x${status.toString(16)}`
  const srb = view.getUint8(AT.srb) & SRB_CODE
  if (srb <= SUCCESS) return undefined
  const key = view.getUint8(AT.sense + 2) & 0xf
  if (view.getUint8(AT.scsi) !== CHECK_CONDITION || key === 0) return `srb ${srb}`
  return `sense ${key}/${view.getUint8(AT.sense + 12).toString(16)}`
}

/** Changes a few bytes at the start of the pages that a request grants. */
function pages({ world, choose }: AttackedWorld, ranges: readonly { byteOffset: number; pfns: readonly number[] }[]) {
  const range = choose.any(ranges)
  const pfn = range?.pfns[0]
  if (range === undefined || pfn === undefined || (pfn + 1) * PAGE > world.memory.size) return false
  for (let count = 1 + choose.below(3); count > 0; count--) {
    const at = Math.min(PAGE - 1, range.byteOffset + choose.below(64))
    world.memory.bytes[pfn * PAGE + at] = choose.chance(50) ? choose.pick([0, 1, 0xff]) : choose.below(256)
  }
  return true
}

const target: DeviceTarget = {
  name: 'storvsc',
  memoryMB: 2,
  span: 52,
  seconds: 200,
  create(choose) {
    const disk = memoryDisk('64K')
    let begun = 0
    const live = new Set<number>()
    return {
      device: storvsc({
        luns: [disk, { dvd: memoryDisk('64K') }],
        subchannels: 1,
        find: () => ({ disk }),
      }),
      driver: storvsc.driver({
        onComplete(id) {
          if (!live.delete(id)) throw new Error(`request ${id} ended that was not under way`)
        },
      }),
      tally: () => ({ begun, ended: begun - live.size }),
      exercise({ world, host, driver }) {
        if (host !== undefined && choose.chance(3)) {
          const end = host as StorvscHost
          if (end.luns.some(({ lun }) => lun === 5)) end.removeLun({ lun: 5 })
          else end.addLun({ disk, lun: 5 })
        }
        const guest = driver as StorvscGuest | undefined
        if (guest === undefined || guest.phase === 'gone') return
        if (choose.chance(5)) guest.scan()
        if (choose.chance(3)) guest.reset()
        const cdb = Uint8Array.from({ length: 16 }, () => (choose.chance(70) ? 0 : choose.below(256)))
        cdb[0] = choose.pick(OPCODES)
        const direction = choose.pick(['none', 'read', 'write'] as const)
        const length = 512 * (1 + choose.below(8))
        // Mutated lists may name the lower half of the unowned pages.
        const pfn = world.memory.size / PAGE - 32 + choose.below(14)
        begun++
        const id = guest.submit({
          lun: choose.pick([0, 0, 1, 5, 9]),
          cdb,
          direction,
          ...(direction !== 'none' && { buffer: { byteOffset: 0, byteCount: length, pfns: [pfn] } }),
        })
        live.add(id)
      },
    }
  },
  ends: {
    host: {
      short: ['message-type', 'message-short', 'request-short'],
      state: ({ phase: at, inFlight }) => `${String(at)}${inFlight === 0 ? '' : ' busy'}`,
      refusal,
      pages: (attacked, { gpaRanges }) => pages(attacked, gpaRanges),
    },
    guest: {
      short: ['message-short'],
      state: phase,
      gaveUp: (name, detail) => (name === 'failed' ? `setup-${(detail as { readonly step: string }).step}` : undefined),
      // An answer to a packet of the set-up, good or not.
      forge(choose) {
        const payload = new Uint8Array(64)
        const view = new DataView(payload.buffer)
        view.setUint32(0, choose.chance(90) ? COMPLETE : choose.below(12), true)
        view.setUint32(AT.status, choose.chance(50) ? 0 : 0xc000_0059, true)
        return { payload, type: PacketType.completion, transaction: SETUP_ID }
      },
    },
  },
}

/** Out of order; no such opcode, block or field (SPC-4 annex D). */
const REFUSED = ['status 0xc0000184', 'sense 5/20', 'sense 5/21', 'sense 5/24']
/** Unknown version, a count of channels that cannot be, and a list of the wrong length. */
const SELDOM = ['status 0xc0000059', 'status 0xc000000d', 'sense 5/1a']
const RARE = {
  host: ['message-short', 'request-short', ...SELDOM],
  guest: Object.keys(STORVSC_GUEST_REJECTS).filter(
    (branch) => branch === 'message-short' || /^setup-(?!unasked)/.test(branch),
  ),
}

export const storvscTarget: JudgedTarget = {
  target,
  branches: {
    host: [...often(STORVSC_HOST_REJECTS, RARE.host), ...REFUSED],
    guest: often(STORVSC_GUEST_REJECTS, RARE.guest),
  },
  rare: RARE,
}
