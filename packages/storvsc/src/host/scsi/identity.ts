import { putText } from './answer.ts'

/** Microsoft's OUI 00-22-48 in a registered extended NAA: 6 0 02 24 8 0, then twelve bytes of the disk's own. */
const NAA_MICROSOFT = [0x60, 0x02, 0x24, 0x80]
const DESCRIPTOR = 4
const T10_BYTES = 24
const NAA_BYTES = 16

/**
 * The world wide name of a disk, 16 bytes: the first and the last six bytes of its identity after Microsoft's prefix
 * (OpenVMM scsidisk/src/inquiry.rs, handle_vpd_device_identifiers). Linux shows it as `wwid naa.6002248…`.
 */
function wwnOf(identity: Uint8Array): Uint8Array {
  const wwn = new Uint8Array(NAA_BYTES)
  wwn.set(NAA_MICROSOFT)
  wwn.set(identity.subarray(0, 6), 4)
  wwn.set(identity.subarray(10, 16), 10)
  return wwn
}

/** Page 0x83 without its header: a T10 vendor identifier with the whole identity, then the NAA name. */
export function identifiers(identity: Uint8Array): Uint8Array {
  const page = new Uint8Array(DESCRIPTOR + T10_BYTES + DESCRIPTOR + NAA_BYTES)
  // Binary code set; types 1 (T10) and 3 (NAA); both of the logical unit.
  page.set([0x01, 0x01, 0x00, T10_BYTES])
  putText(page, 4, 8, 'Msft')
  page.set(identity.subarray(0, 16), 12)
  page.set([0x01, 0x03, 0x00, NAA_BYTES], 28)
  page.set(wwnOf(identity), 32)
  return page
}

/** Page 0x83 of a DVD drive, without its header: Microsoft's fixed identifier (OpenVMM scsidvd, handle_vpd_device_identifiers_iso). */
export function dvdIdentifiers(): Uint8Array {
  const page = new Uint8Array(DESCRIPTOR + T10_BYTES)
  page.set([0x01, 0x01, 0x00, T10_BYTES])
  putText(page, 4, 8, 'Msft')
  page.set([0x73, 0x05, 0xe3, 0x43, 0x77, 0x03, 0x54, 0x46, 0x94, 0x95, 0x7d, 0x7c, 0xed, 0x62, 0x4a, 0x7d], 12)
  return page
}
