import type { GuestServices } from '@vmbus/core'
import { KvpPool, utf8z } from '@vmbus/kvp/protocol'
import type { Capabilities } from '../vectors/field.ts'
import { DAEMONS, daemonSet, type DaemonName, type DaemonSet } from './daemons.ts'
import { fileTree, type FileTree } from './file-tree.ts'
import { machineOf, type SystemIdentity } from './identity.ts'
import { ipScriptsOf } from './ip-scripts.ts'
import { memoryAccounts, type MemoryAccounts } from './memory.ts'

/** What runs and lies in a simulated system beside its kernel. */
export interface SystemOptions {
  /** Daemons of hyperv-daemons that run from the start: all (the default), none, or those named. */
  readonly daemons?: boolean | readonly DaemonName[]
  /** Files that are there from the start, by path; text is UTF-8. /etc/os-release names the distribution. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  /** What the resolver makes of the system's own name; default: it has no answer. */
  readonly domainName?: string
}

/** The parts of one life of a system that drivers and the surface share. */
export interface LinuxSystem {
  readonly identity: SystemIdentity
  readonly files: FileTree
  readonly daemons: DaemonSet
  readonly memory: MemoryAccounts
}

/** What every distribution has. */
const FOLDERS = ['/etc', '/home', '/root', '/tmp', '/var/lib'] as const

const bytesOf = (contents: string | Uint8Array): Uint8Array =>
  typeof contents === 'string' ? utf8z(contents).subarray(0, -1) : contents

/** The pool files, made when they are not there (tools/hv/hv_kvp_daemon.c, kvp_file_init). */
function makePools(files: FileTree): void {
  files.makeFolder('/var/lib/hyperv')
  for (const pool of Object.values(KvpPool)) {
    const path = `/var/lib/hyperv/.kvp_pool_${pool}`
    if (!files.exists(path)) files.create(path)
  }
}

/** The system of a life, made by the first who asks. */
export function systemOf(
  services: GuestServices,
  release: string,
  capabilities: Capabilities,
  options: SystemOptions,
): LinuxSystem {
  const { daemons = true, domainName } = options
  const given = Object.entries(options.files ?? {}).map(([path, contents]) => [path, bytesOf(contents)] as const)
  const running = daemons === true ? DAEMONS : daemons === false ? [] : daemons
  const files = services.service('files', () =>
    fileTree({ folders: FOLDERS, files: { ...ipScriptsOf(capabilities), ...Object.fromEntries(given) } }),
  )
  const machine = machineOf(release)
  const hotAdd = capabilities.hotAdd && capabilities.memoryHotplug && machine !== 'i686'
  return {
    identity: { release, machine, domainName },
    memory: services.service('memory', () =>
      memoryAccounts({ pages: services.ramPages, totalFalls: capabilities.balloonLeavesTotal, hotAdd }),
    ),
    files,
    daemons: services.service('daemons', () =>
      daemonSet(running, (name) => {
        if (name === 'kvp') makePools(files)
      }),
    ),
  }
}
