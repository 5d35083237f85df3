import type { DvdState } from './state.ts'

const DVD_ROM = 0x0010
const CD_ROM = 0x0008
const CURRENT = 0x01
const PERSISTENT = 0x02

interface Feature {
  readonly code: number
  readonly version: number
  /** True when it does not depend on the medium. */
  readonly persistent: boolean
  readonly body: readonly number[]
}

/** Features of MMC-6 5.3 that the drive has, in order of their codes. */
const FEATURES: readonly Feature[] = [
  {
    code: 0x0000,
    version: 0,
    persistent: true,
    body: [DVD_ROM >>> 8, DVD_ROM & 0xff, 0x01, 0, CD_ROM >>> 8, CD_ROM & 0xff, 0, 0],
  },
  // Core: SCSI family; both interrupts.
  { code: 0x0001, version: 2, persistent: true, body: [0, 0, 0, 1, 0x01, 0, 0, 0] },
  // Morphing: operational change requests.
  { code: 0x0002, version: 1, persistent: true, body: [0x02, 0, 0, 0] },
  // Removable medium: tray, eject, lock.
  { code: 0x0003, version: 0, persistent: true, body: [0x29, 0, 0, 0] },
  // Random readable: 2048-byte blocks, 16 of them in an error correction block, error recovery page.
  { code: 0x0010, version: 0, persistent: false, body: [0, 0, 0x08, 0, 0, 16, 0x01, 0] },
  { code: 0x001e, version: 2, persistent: false, body: [0, 0, 0, 0] },
  { code: 0x001f, version: 1, persistent: false, body: [0, 0, 0, 0] },
  { code: 0x0100, version: 0, persistent: true, body: [] },
  { code: 0x0105, version: 1, persistent: true, body: [0, 0, 0, 0] },
  { code: 0x0107, version: 5, persistent: true, body: [0, 0, 0, 0] },
]

/** Answer to GET CONFIGURATION (MMC-6 6.6) from feature `start` on; undefined for a request type that does not exist. */
export function configuration(state: DvdState, type: number, start: number): Uint8Array | undefined {
  if (type > 2) return undefined
  const current = ({ persistent, code }: Feature): boolean => (persistent && code !== 0x0107) || state.present
  const chosen = FEATURES.filter((feature) =>
    type === 2 ? feature.code === start : feature.code >= start && (type === 0 || current(feature)),
  )
  const pages = chosen.flatMap((feature) => {
    const { code, version, persistent, body } = feature
    const flags = (version << 2) | (persistent ? PERSISTENT : 0) | (current(feature) ? CURRENT : 0)
    return [code >>> 8, code & 0xff, flags, body.length, ...body]
  })
  const data = new Uint8Array(8 + pages.length)
  const view = new DataView(data.buffer)
  // Hyper-V counts the length field itself (OpenVMM scsidvd, iso_init_configuration_header).
  view.setUint32(0, data.length)
  view.setUint16(6, state.present ? DVD_ROM : 0)
  data.set(pages, 8)
  return data
}
