import { icVersion } from '@vmbus/ic'
import { VstorVersion } from '@vmbus/storvsc/protocol'
import { atLeast, kernelVersion, type KernelVersion } from './kernel-version.ts'
import type { Capabilities } from './vectors/field.ts'

/** A wire-visible defect of the real driver, which a correct one would not have. */
export interface Quirk {
  readonly id: QuirkId
  readonly summary: string
  /** File and function of the kernel source. */
  readonly source: string
  /** First kernel version that has it; absent: every version that was read. */
  readonly since?: string
  /** What brought it; a kernel that has that has it, whatever its number. */
  readonly cameWith?: (capabilities: Capabilities, kernel: KernelVersion) => boolean
}

export type QuirkId =
  | 'ignores-connection-state'
  | 'one-packet-per-signal'
  | 'timesync-always-ok'
  | 'kvp-text-only'
  | 'kvp-empty-get'
  | 'kvp-cuts-answers'
  | 'kvp-waits-for-daemon'
  | 'kvp-rewrites-in-place'
  | 'kvp-error-as-name'
  | 'vss-keeps-flags'
  | 'vss-no-recovery'
  | 'vss-needs-new-bus'
  | 'fcopy-in-place'
  | 'fcopy-trusts-names'
  | 'fcopy-trusts-offsets'
  | 'fcopy-slashed-folders'
  | 'storvsc-forced-success'
  | 'storvsc-raw-overrun'
  | 'balloon-claims-hot-add'
  | 'balloon-answers-each-size'
  | 'balloon-late-first-report'
  | 'setup-ids-kept'

export const QUIRKS: readonly Quirk[] = [
  {
    id: 'ignores-connection-state',
    summary:
      'takes a VERSION_RESPONSE for a success by its version_supported alone, whatever its connection_state says',
    source: 'drivers/hv/connection.c, vmbus_negotiate_version',
  },
  {
    id: 'one-packet-per-signal',
    summary:
      'shutdown, key-value exchange, backup and file copy take one packet for each signal, so a second waits for the next',
    source:
      'drivers/hv/hv_util.c, shutdown_onchannelcallback; hv_kvp.c, hv_snapshot.c and hv_fcopy.c, hv_…_onchannelcallback',
  },
  {
    id: 'setup-ids-kept',
    summary:
      'the transaction ids of answered NVSP setup messages are never given back, so they are lost to the channel',
    source: 'drivers/net/hyperv/netvsc.c, netvsc_send_completion; measured on 5.10.223 and 6.1.176',
    since: '5.10',
  },
  {
    id: 'timesync-always-ok',
    summary: 'answers every time message with the status that the host sent, a stale sample that it refuses included',
    source: 'drivers/hv/hv_util.c, timesync_onchannelcallback',
    // Linux 4.9, and the kernels of distributions that took it from there.
    cameWith: ({ timesync }) => timesync.message.includes(icVersion(4, 0)),
  },
  {
    id: 'kvp-text-only',
    summary: 'keeps numbers as decimal text and values of types that it does not know as empty text; answers are text',
    source: 'drivers/hv/hv_kvp.c, kvp_send_key',
  },
  {
    id: 'kvp-empty-get',
    summary: 'finds the key of a GET and answers with an empty value',
    source: 'drivers/hv/hv_kvp.c, kvp_respond_to_host',
  },
  {
    id: 'kvp-cuts-answers',
    summary: 'answers with at most 254 characters of a key and 1022 of a value',
    source: 'drivers/hv/hv_kvp.c, kvp_respond_to_host',
  },
  {
    id: 'kvp-waits-for-daemon',
    summary: 'reads nothing while there is no daemon: negotiation and requests wait for it',
    source: 'drivers/hv/hv_kvp.c, hv_kvp_onchannelcallback',
  },
  {
    id: 'kvp-rewrites-in-place',
    summary: 'empties a pool file before it writes it again, so a crash between the two loses the pool',
    source: 'tools/hv/hv_kvp_daemon.c, kvp_update_file',
  },
  {
    id: 'kvp-error-as-name',
    summary: 'gives the text of an error for FullyQualifiedDomainName when the name does not resolve',
    source: 'tools/hv/hv_kvp_daemon.c, kvp_get_domain_name',
  },
  {
    id: 'vss-keeps-flags',
    summary: "answers the capability check with the host's own flags: the daemon's answer hides the operation",
    source: 'tools/hv/hv_vss_daemon.c, main; drivers/hv/hv_snapshot.c, vss_on_msg',
  },
  {
    id: 'vss-no-recovery',
    summary: 'stays frozen for as long as the host does not thaw it',
    source: 'drivers/hv/hv_snapshot.c, vss_handle_request',
  },
  {
    id: 'vss-needs-new-bus',
    summary: 'leaves the device of backups alone below VMBus 3.0, that of Windows 8.1',
    source:
      'drivers/hv/hv_snapshot.c, hv_vss_init; without it: ziozzang/rhel6-kernel-src@43fbacafdc06 (RHEL 6.5) and LIS up to 4.0',
    // Linux 4.5 ("run only on supported host versions", December 2015), LIS 4.1, and vendors' kernels of that age, which are known by VSTOR 6.2.
    cameWith: ({ storvsc, moduleVersion }, kernel) =>
      atLeast(kernel, kernelVersion('4.5')) ||
      storvsc.includes(VstorVersion.v6_2) ||
      atLeast(kernelVersion(moduleVersion.replace(/^LIS /, '')), kernelVersion('4.1')),
  },
  {
    id: 'fcopy-in-place',
    summary: 'writes into the file itself: what it replaces is lost at the start, a copy that is left stays half',
    source: 'tools/hv/hv_fcopy_daemon.c, hv_start_fcopy',
  },
  {
    id: 'fcopy-trusts-names',
    summary: 'follows a path that leads out of its folder',
    source: 'tools/hv/hv_fcopy_daemon.c, hv_start_fcopy',
  },
  {
    id: 'fcopy-trusts-offsets',
    summary: 'takes a file with holes or of another size than announced for complete',
    source: 'tools/hv/hv_fcopy_daemon.c, hv_copy_data and hv_copy_finished',
  },
  {
    id: 'fcopy-slashed-folders',
    summary: 'makes only those folders of a path that a slash follows',
    source: 'tools/hv/hv_fcopy_daemon.c, hv_start_fcopy',
  },
  {
    id: 'storvsc-forced-success',
    summary: 'takes INQUIRY and MODE SENSE for done whatever the host answers, with what the buffer held before',
    source: 'drivers/scsi/storvsc_drv.c, storvsc_on_io_completion',
  },
  {
    id: 'storvsc-raw-overrun',
    summary: 'compares the SRB status with its two flags when it decides whether an overrun moved data, so none did',
    source: 'drivers/scsi/storvsc_drv.c, storvsc_command_completion',
  },
  {
    id: 'balloon-claims-hot-add',
    summary: 'declares hot add in a kernel that cannot, and answers the first request for it that it never will',
    source: 'drivers/hv/hv_balloon.c, balloon_connect_vsp and hot_add_req',
  },
  {
    id: 'balloon-answers-each-size',
    summary:
      'names each allocation as a range of its own, and answers with the large ones before it takes single pages',
    source: 'drivers/hv/hv_balloon.c, balloon_up and alloc_balloon_pages',
  },
  {
    id: 'balloon-late-first-report',
    summary: 'a 32-bit kernel sends no status report before it has been up for 300 s',
    source: 'drivers/hv/hv_balloon.c, post_status',
  },
]

/** The quirks of a kernel by its version and what its drivers have, by id. */
export const quirksOf = (kernel: KernelVersion, capabilities: Capabilities): ReadonlySet<QuirkId> =>
  new Set(
    QUIRKS.filter(
      ({ since, cameWith = () => true }) =>
        (since === undefined || atLeast(kernel, kernelVersion(since))) && cameWith(capabilities, kernel),
    ).map(({ id }) => id),
  )
