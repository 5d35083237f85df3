import { utf8z } from '@vmbus/kvp/protocol'
import type { Capabilities } from '../vectors/field.ts'

/** Scripts that the key-value daemon calls, from the folder that it is built with (tools/hv/Makefile, KVP_SCRIPTS_PATH). */
export const IP_SCRIPTS = {
  set: '/usr/libexec/hypervkvpd/hv_set_ifconfig',
  dns: '/usr/libexec/hypervkvpd/hv_get_dns_info',
  dhcp: '/usr/libexec/hypervkvpd/hv_get_dhcp_info',
} as const

const SCRIPT = utf8z('#!/bin/sh\n').subarray(0, -1)

/** Those of them that a distribution has. */
export const ipScriptsOf = ({ ipScripts }: Pick<Capabilities, 'ipScripts'>): Readonly<Record<string, Uint8Array>> =>
  ipScripts ? Object.fromEntries(Object.values(IP_SCRIPTS).map((path) => [path, SCRIPT])) : {}
