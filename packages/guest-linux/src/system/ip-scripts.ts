import { utf8z } from '@vmbus/kvp/protocol'

/** Scripts that the key-value daemon calls, from the folder that it is built with (tools/hv/Makefile, KVP_SCRIPTS_PATH). */
export const IP_SCRIPTS = {
  set: '/usr/libexec/hypervkvpd/hv_set_ifconfig',
  dns: '/usr/libexec/hypervkvpd/hv_get_dns_info',
  dhcp: '/usr/libexec/hypervkvpd/hv_get_dhcp_info',
} as const

/** Debian's hyperv-daemons come without them: seen with 5.10.0-32 and 6.1.0-50 (matrix/test/kvp-vss-fcopy.guests.test.ts). */
const DEBIAN = /^\d+\.\d+\.0-\d+-(?:686|686-pae|amd64|cloud-amd64|arm64)$/

const SCRIPT = utf8z('#!/bin/sh\n').subarray(0, -1)

/** Those of them that a distribution has, by what `uname -r` says there. */
export const ipScriptsOf = (release: string): Readonly<Record<string, Uint8Array>> =>
  DEBIAN.test(release) ? {} : Object.fromEntries(Object.values(IP_SCRIPTS).map((path) => [path, SCRIPT]))
