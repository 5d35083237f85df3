import type { KvpItem, KvpPoolName } from '@vmbus/kvp'
import type { ListedDevice, StageFiles, StageKeyValues, StageMemory, StagePort } from '../../probes/stage.ts'
import { bytesInto, type Shell } from './shell.ts'

/** Files of hv_kvp_daemon by pool: records of a key of 512 bytes and a value of 2048 (Linux tools/hv/hv_kvp_daemon.c). */
const POOLS: Readonly<Partial<Record<KvpPoolName, number>>> = { external: 0, guest: 1, auto: 2, 'auto-external': 3 }
const KEY_BYTES = 512
const RECORD_BYTES = 2560

const textAt = (bytes: Uint8Array, at: number, most: number): string => {
  const field = bytes.subarray(at, at + most)
  const end = field.indexOf(0)
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end))
}

function itemsIn(bytes: Uint8Array): KvpItem[] {
  const items: KvpItem[] = []
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES)
    items.push({ key: textAt(bytes, at, KEY_BYTES), value: textAt(bytes, at + KEY_BYTES, RECORD_BYTES - KEY_BYTES) })
  return items
}

function fileOf(items: readonly KvpItem[]): Uint8Array {
  const bytes = new Uint8Array(items.length * RECORD_BYTES)
  const encoder = new TextEncoder()
  for (const [index, { key, value }] of items.entries()) {
    bytes.set(encoder.encode(key), index * RECORD_BYTES)
    bytes.set(encoder.encode(value), index * RECORD_BYTES + KEY_BYTES)
  }
  return bytes
}

export function realKeyValues(shell: Shell): StageKeyValues {
  const path = (pool: KvpPoolName): string => `/var/lib/hyperv/.kvp_pool_${POOLS[pool] ?? 0}`
  const items = (pool: KvpPoolName): KvpItem[] => itemsIn(shell.read(path(pool)) ?? new Uint8Array(0))
  return {
    items,
    put(pool, item) {
      const others = items(pool).filter(({ key }) => key !== item.key)
      shell.run(`${bytesInto(fileOf([...others, item]))} > ${path(pool)}`)
      return 0
    },
  }
}

export const realFiles = (shell: Shell): Omit<StageFiles, 'provide'> => ({
  folder: '/tmp',
  separator: '/',
  read: (path) => shell.read(path),
})

const KIB_PER_PAGE = 4

/** /proc/meminfo, in pages. */
function meminfo(shell: Shell): { readonly total: number; readonly available: number } {
  const text = shell.look('cat /proc/meminfo')
  const line = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1]) / KIB_PER_PAGE
  return { total: line('MemTotal'), available: line('MemFree') }
}

/** Pages by which free memory changes for reasons of its own. */
const NOISE = 2048

/**
 * What the guest gave up: from Linux 5.11 on MemTotal lacks it to the page (hv_balloon.c, adjust_managed_page_count). Before, only
 * free memory does, with other things that change it: what the host counts is then the guest's count, where that is near.
 */
export function realMemory(shell: Shell, before: StageMemory, hostCount: () => number): StageMemory {
  const { total, available } = meminfo(shell)
  const [gone, counted] = [before.total - total, hostCount()]
  const less = before.available - available
  const ballooned = gone !== 0 || Math.abs(less - counted) > NOISE ? gone : counted
  return { total, available, ballooned }
}

export const memoryNow = (shell: Shell): StageMemory => ({ ...meminfo(shell), ballooned: 0 })

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

/** What lsvmbus prints where the release has it: it reads these files of sysfs. */
export const realListed = (shell: Shell): readonly ListedDevice[] =>
  lines(
    shell.run(
      'command -v lsvmbus >/dev/null && cd /sys/bus/vmbus/devices && for d in *; do read c < $d/class_id; read i < $d/device_id; echo "$c $i"; done',
    ) ?? '',
  ).map((line) => {
    const [interfaceId = '', instanceId = ''] = line.replaceAll(/[{}]/g, '').split(' ')
    return { interfaceId, instanceId }
  })

/** The class of Fibre Channel hosts. */
export const realPorts = (shell: Shell): readonly StagePort[] =>
  lines(
    shell.run(
      'for d in /sys/class/fc_host/host*; do [ -e $d ] && read p < $d/port_name && read n < $d/node_name && echo "$p $n"; done; true',
    ) ?? '',
  ).map((line) => {
    const [port = '', node = ''] = line.replaceAll('0x', '').split(' ')
    return { port, node }
  })
