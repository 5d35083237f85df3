import { ChecksumCap, ENCAPSULATION_8023, Lso6Cap, OFFLOAD_SIZES, ObjectType, offload } from '../protocol/ndis.ts'
import { NvspVersion } from '../protocol/nvsp.ts'
import type { Checksums, OffloadState } from './types.ts'

/** Largest LSO send and least segments, as of the real switch (OpenVMM rndisprot.rs, LSO_MAX_OFFLOAD_SIZE and LSO_MIN_SEGMENT_COUNT). */
const LSO_BYTES = 0xf53c
const LSO_SEGMENTS = 2

/** What the host can do. Before NVSP 5 UDP checksums are refused (wire/10 §4); RSC comes with 6.1. */
export function supportedOffload(version: number): OffloadState {
  const udp = version >= NvspVersion.v5
  const rsc = version >= NvspVersion.v6_1
  const checksums = (): Checksums => ({ ipv4: true, tcpV4: true, udpV4: udp, tcpV6: true, udpV6: udp })
  return { transmit: checksums(), receive: checksums(), lsoV4: true, lsoV6: true, rscV4: rsc, rscV6: rsc }
}

/** Revision of NDIS_OFFLOAD that goes with an NVSP version (wire/04 §4). */
export const offloadRevision = (version: number): number =>
  version >= NvspVersion.v5 ? 3 : version >= NvspVersion.v4 ? 2 : 1

/** IPv4 and IPv6 flags of what is on, each with the options that it implies (OpenVMM netvsp lib.rs, ChecksumOffloadConfig::flags). */
function flagsOf({ ipv4, tcpV4, udpV4, tcpV6, udpV6 }: Checksums): readonly [v4: number, v6: number] {
  const tcp = ChecksumCap.ipOptions | ChecksumCap.tcpOptions | ChecksumCap.tcp
  const udp = ChecksumCap.ipOptions | ChecksumCap.udp
  return [
    (ipv4 ? ChecksumCap.ipOptions | ChecksumCap.ipv4Header : 0) | (tcpV4 ? tcp : 0) | (udpV4 ? udp : 0),
    (tcpV6 ? tcp : 0) | (udpV6 ? udp : 0),
  ]
}

/** NDIS_OFFLOAD of a revision. */
export function offloadBytes(
  { transmit, receive, lsoV4, lsoV6, rscV4, rscV6 }: OffloadState,
  revision: number,
): Uint8Array {
  const size = OFFLOAD_SIZES[revision] ?? 0
  const encap = ENCAPSULATION_8023
  const [txV4, txV6] = flagsOf(transmit)
  const [rxV4, rxV6] = flagsOf(receive)
  return offload
    .toBytes({
      header: { type: ObjectType.offload, revision, size },
      csum: {
        ip4_txenc: encap,
        ip4_txcsum: txV4,
        ip4_rxenc: encap,
        ip4_rxcsum: rxV4,
        ip6_txenc: encap,
        ip6_txcsum: txV6,
        ip6_rxenc: encap,
        ip6_rxcsum: rxV6,
      },
      lsov2: {
        ...(lsoV4 && { ip4_encap: encap, ip4_maxsz: LSO_BYTES, ip4_minsg: LSO_SEGMENTS }),
        ...(lsoV6 && {
          ip6_encap: encap,
          ip6_maxsz: LSO_BYTES,
          ip6_minsg: LSO_SEGMENTS,
          ip6_opts: Lso6Cap.extensionHeaders | Lso6Cap.tcpOptions,
        }),
      },
      rsc: { ip4: rscV4 ? 1 : 0, ip6: rscV6 ? 1 : 0 },
    })
    .subarray(0, size)
}
