import { bytes, guid, struct, u32, u64n, utf16 } from '@vmbus/layout'
import { icVersion } from '@vmbus/ic'

export const FCOPY_INTERFACE = '34d14be3-dee4-41c8-9ae7-6b174977c192'
export const FCOPY_INSTANCE = 'eb765408-105f-49b6-b4aa-c123b64d17d4'

export const FCOPY_VERSIONS = { framework: [icVersion(1, 0), icVersion(3, 0)], message: [icVersion(1, 1)] } as const

/** Linux include/uapi/linux/hyperv.h. */
export const FcopyOperation = { start: 0, data: 1, complete: 2, cancel: 3 } as const

export const CopyFlags = { overwrite: 1, createPath: 2 } as const

/** Units of UTF-16 that a name and a path have room for, the terminating NUL included (Windows MAX_PATH). */
export const NAME_UNITS = 260

/** Bytes of file in one message. */
export const BLOCK_BYTES = 6144

const header = { operation: u32, service_id0: guid, service_id1: guid }

/** Every message begins with it; COMPLETE and CANCEL are it. */
export const fcopyHeader = struct('hv_fcopy_hdr', header, { size: 36 })

export const fcopyStart = struct(
  'hv_start_fcopy',
  { hdr: fcopyHeader, file_name: utf16(NAME_UNITS), path_name: utf16(NAME_UNITS), copy_flags: u32, file_size: u64n },
  { size: 1088 },
)

/** `offset` is aligned to 8 from the start of the structure only. */
export const fcopyData = struct(
  'hv_do_fcopy',
  { hdr: fcopyHeader, pad: u32, offset: u64n, size: u32, data: bytes(BLOCK_BYTES) },
  { size: 6196 },
)

/** Seconds that Linux gives its daemon for each message (drivers/hv/hv_fcopy.c). */
export const REPLY_SECONDS = 30

/** What the Linux daemon and kernel say to each other at registration (drivers/hv/hv_fcopy.c). */
export const LINUX_FCOPY_DEVICE = { node: '/dev/vmbus/hv_fcopy', register: 1, answersRegistration: true } as const
