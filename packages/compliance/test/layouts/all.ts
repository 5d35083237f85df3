import type { Entries, Entry } from './entry.ts'
import { entries as balloon } from './balloon.ts'
import { entries as core } from './core.ts'
import { entries as coreRing } from './core-ring.ts'
import { entries as dpdk } from './dpdk.ts'
import { entries as fcopy } from './fcopy.ts'
import { entries as heartbeat } from './heartbeat.ts'
import { entries as hypervisor } from './hypervisor.ts'
import { entries as ic } from './ic.ts'
import { entries as kvp } from './kvp.ts'
import { entries as linux } from './linux.ts'
import { entries as netvsc } from './netvsc.ts'
import { entries as notBuilt } from './not-built.ts'
import { entries as openvmm } from './openvmm.ts'
import { entries as otherSources } from './other-sources.ts'
import { entries as shutdown } from './shutdown.ts'
import { entries as storvsc } from './storvsc.ts'
import { entries as timesync } from './timesync.ts'
import { entries as vss } from './vss.ts'

/** The files of the map: one for each package that owns layouts, and one for each source that repeats them. */
const files: Readonly<Record<string, Entries>> = {
  hypervisor,
  core,
  'core-ring': coreRing,
  ic,
  heartbeat,
  timesync,
  shutdown,
  netvsc,
  storvsc,
  balloon,
  kvp,
  vss,
  fcopy,
  'not-built': notBuilt,
  linux,
  openvmm,
  dpdk,
  'other-sources': otherSources,
}

/** Every entry with its file; a name may be in one file only. */
export const all: readonly { readonly name: string; readonly file: string; readonly entry: Entry }[] = Object.entries(
  files,
).flatMap(([file, entries]) => Object.entries(entries).map(([name, entry]) => ({ name, file, entry })))
