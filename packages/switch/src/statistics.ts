/** A port's counts, as its owner sees them: sent into the switch, received from it. Bytes include the Ethernet header. */
export interface PortStatistics {
  framesSent: number
  bytesSent: number
  framesReceived: number
  bytesReceived: number
  /** Of the frames received: to a group address that is not broadcast, and to all. */
  multicastReceived: number
  broadcastReceived: number
  /** Copies received only because this port mirrors others. */
  mirrored: number
  dropped: Record<DropReason, number>
}

/**
 * Why a frame was dropped:
 * `runt` shorter than a header · `oversize` beyond the MTU · `vlan` not a member, or a tag behind the one to be taken off ·
 * `source` from a group address · `spoofed` not from the port's own address · `reserved` for the bridge itself ·
 * `offload` asks for what its bytes cannot have · `down` the link is · `lost` by the link options · `queue` no room.
 */
export type DropReason =
  | 'runt'
  | 'oversize'
  | 'vlan'
  | 'source'
  | 'spoofed'
  | 'reserved'
  | 'offload'
  | 'down'
  | 'lost'
  | 'queue'

export function noStatistics(): PortStatistics {
  return {
    framesSent: 0,
    bytesSent: 0,
    framesReceived: 0,
    bytesReceived: 0,
    multicastReceived: 0,
    broadcastReceived: 0,
    mirrored: 0,
    dropped: {
      runt: 0,
      oversize: 0,
      vlan: 0,
      source: 0,
      spoofed: 0,
      reserved: 0,
      offload: 0,
      down: 0,
      lost: 0,
      queue: 0,
    },
  }
}

export const copyStatistics = (from: PortStatistics): PortStatistics => ({ ...from, dropped: { ...from.dropped } })
