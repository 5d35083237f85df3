import { Op } from '../protocol/index.ts'

/** What real drivers choose differently, and where they are wrong. The default is a correct driver with Linux's choices. */
export interface StorvscBehaviour {
  /** Pages of each ring: 128 KiB in Linux, 20 pages in FreeBSD. */
  readonly ringPages: number
  /** Bytes of the first packets, before a version is agreed on: Linux before 5.14 sends 48. */
  readonly firstPacketBytes: number
  /** Asks for sub-channels before the end of initialisation, as Windows does. */
  readonly subchannelsFirst: boolean
  /** 100 ns units that a reply to a set-up packet may take: 180 s in Linux, 5 s in FreeBSD. */
  readonly setupTimeout: number
  /** Requests that may be in flight. */
  readonly depth: number
  /** Sets pending_send_size when the ring is full; Linux never does and waits for a completion. */
  readonly asksForRoom: boolean
  /** Commands whose failure is taken for success (Linux storvsc_drv.c, storvsc_on_io_completion): hosts answer them wrongly. */
  readonly forcedSuccess: readonly number[]
  /** Compares the raw SRB status, with its flags, where the transferred length is kept (Linux). */
  readonly rawOverrun: boolean
  /** Tries of a request that a changed unit turned away. */
  readonly requeues: number
}

export const CORRECT: StorvscBehaviour = {
  ringPages: 32,
  firstPacketBytes: 64,
  subchannelsFirst: false,
  setupTimeout: 1_800_000_000,
  depth: 256,
  asksForRoom: true,
  forcedSuccess: [],
  rawOverrun: false,
  requeues: 5,
}

/** Linux as it is: `behaviour: LINUX`. */
export const LINUX: Partial<StorvscBehaviour> = {
  asksForRoom: false,
  forcedSuccess: [Op.inquiry, Op.modeSense6, Op.modeSense10],
  rawOverrun: true,
}

/** Linux up to 5.13, which began with the short packets of old protocols. */
export const LINUX_5_10: Partial<StorvscBehaviour> = { ...LINUX, firstPacketBytes: 48 }
