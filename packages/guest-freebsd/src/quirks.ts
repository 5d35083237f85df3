import type { Capabilities } from './capabilities.ts'

/** A wire-visible defect of the real drivers, which correct ones would not have. */
export interface Quirk {
  readonly id: QuirkId
  readonly summary: string
  readonly source: string
  has(capabilities: Capabilities): boolean
}

export type QuirkId =
  | 'kvp-version-index'
  | 'negotiates-by-index'
  | 'one-storage-version'
  | 'pending-send-size'
  | 'kvp-text-only'
  | 'kvp-waits-for-daemon'
  | 'vss-silent'

export const QUIRKS: readonly Quirk[] = [
  {
    id: 'kvp-version-index',
    summary: 'takes key-value message version 4.0 when two versions are offered, whatever they are',
    source: 'sys/dev/hyperv/utilities/hv_kvp.c, hv_kvp_negotiate_version (10.1 and the port)',
    has: ({ kvp, kvpFourFrom, negotiation }) => kvp !== undefined && negotiation === 'index' && kvpFourFrom === 2,
  },
  {
    id: 'negotiates-by-index',
    summary: 'takes 3.0 when the second framework version is of major 3, else 1.0, without a look for either',
    source: 'sys/dev/hyperv/utilities/hv_util.c, hv_negotiate_version (10.0 to 10.3, 11.0 and the port)',
    has: ({ negotiation }) => negotiation === 'index',
  },
  {
    id: 'one-storage-version',
    summary: 'tries one storage version, which the bus version decides, and has no disk where that is refused',
    source: 'sys/dev/hyperv/storvsc/hv_storvsc_drv_freebsd.c (10.2, 10.3)',
    has: ({ storvscChoice }) => storvscChoice === 'by-vmbus',
  },
  {
    id: 'pending-send-size',
    summary: 'promises to honour pending_send_size and does not do it right; hosts look at the ring themselves',
    source: 'microsoft/openvmm netvsp/src/lib.rs (before __FreeBSD_version 1400097)',
    has: ({ pendingSendSize }) => pendingSendSize === 'wrong',
  },
  {
    id: 'kvp-text-only',
    summary: 'hands numbers on as decimal text, a REG_DWORD with a sign, and answers strings only',
    source: 'sys/dev/hyperv/utilities/hv_kvp.c, hv_kvp_convert_hostmsg_to_usermsg',
    has: ({ kvp }) => kvp !== undefined,
  },
  {
    id: 'kvp-waits-for-daemon',
    summary: 'reads nothing, not even the negotiation, before a daemon has registered',
    source: 'sys/dev/hyperv/utilities/hv_kvp.c, hv_kvp_callback',
    has: ({ kvp }) => kvp !== undefined,
  },
  {
    id: 'vss-silent',
    summary: 'does not answer an operation that it does not know, nor one while another is under way',
    source: 'sys/dev/hyperv/utilities/hv_snapshot.c, hv_vss_process_request',
    has: ({ vss }) => vss !== undefined,
  },
]

export const quirksOf = (capabilities: Capabilities): ReadonlySet<QuirkId> =>
  new Set(QUIRKS.filter(({ has }) => has(capabilities)).map(({ id }) => id))
