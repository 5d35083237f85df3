import { ETHERNET_HEADER, VLAN_TAG, type Frame } from './frame.ts'
import { isGroupMac, readMac } from './mac.ts'
import type { PortRecord } from './port.ts'
import type { DropReason } from './statistics.ts'

/** Why a frame is dropped before it crosses the link; undefined when it is not. */
export const ingressDrop = (port: PortRecord, { bytes, vlan, offload }: Frame): DropReason | undefined => {
  if (!port.up) return 'down'
  const segment = offload?.segment
  if (segment !== undefined && !(Number.isSafeInteger(segment) && segment >= 1)) return 'offload'
  if (bytes.length < ETHERNET_HEADER) return 'runt'
  const inBytes = vlan === undefined && bytes[12] === 0x81 && bytes[13] === 0 ? VLAN_TAG : 0
  if (bytes.length < ETHERNET_HEADER + inBytes) return 'runt'
  if (bytes.length > ETHERNET_HEADER + inBytes + (segment === undefined ? port.mtu : 65_535 + VLAN_TAG))
    return 'oversize'
  const source = readMac(bytes, 6)
  if (isGroupMac(source)) return 'source'
  if (port.config.spoofing === false && source !== port.mac) return 'spoofed'
  return undefined
}
