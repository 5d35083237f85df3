import type { Entries } from './entry.ts'

/** Structs of FreeBSD, QEMU and MacHyperVSupport against those of Linux. */
export const entries: Entries = {
  freebsd_vmbus_bufring: { disagrees: 'wire/03 §8.1' },
  freebsd_vmbus_chanmsg_choffer: { disagrees: 'wire/02 §11.1' },
  freebsd_vmbus_icmsg_hdr: {
    sameAs: 'icmsg_hdr',
    at: -8,
    except: {
      ic_fwver: 'major and minor as one word',
      ic_msgver: 'major and minor as one word',
      'icverframe.major': 'major and minor as one word',
      'icverframe.minor': 'major and minor as one word',
      'icvermsg.major': 'major and minor as one word',
      'icvermsg.minor': 'major and minor as one word',
    },
  },
  freebsd_vmbus_icmsg_heartbeat: { sameAs: 'heartbeat_msg_data', at: -28 },
  freebsd_vmbus_icmsg_timesync4: {
    sameAs: 'ictimesync_ref_data',
    at: -28,
    except: { leapflags: 'reserved in FreeBSD', stratum: 'reserved in FreeBSD' },
  },
  machyperv_timesync_ref_data: { sameAs: 'ictimesync_ref_data' },
  qemu_dm_capabilities: { sameAs: 'dm_capabilities' },
  qemu_dm_capabilities_resp_msg: { disagrees: 'wire/07 §8.1' },
  dm_page_range_bits: { sameAs: 'dm_mem_page_range' },
  ndis_obj_header: { sameAs: 'ndis_object_header' },
}
