const OPEN_SOURCE_FREEBSD = 0x82n
const FIRST_RIGHT = 1_400_097n

/**
 * Whether a guest can be relied on to say when a ring has room. FreeBSD before 14.0 (`__FreeBSD_version` 1400097) cannot,
 * whatever its feature bit says (microsoft/openvmm netvsp/src/lib.rs). Its id is 0x82 in the top byte, for open source and
 * FreeBSD, and the version from bit 16 on (FreeBSD sys/dev/hyperv/vmbus/hyperv_reg.h, MSR_HV_GUESTID).
 */
export const saysRoom = (guestOsId: bigint): boolean =>
  guestOsId >> 56n !== OPEN_SOURCE_FREEBSD || ((guestOsId >> 16n) & 0xffff_ffffn) >= FIRST_RIGHT
