import type { FreebsdGeneration } from '@vmbus/guest-freebsd'
import type { LinuxGeneration } from '@vmbus/guest-linux'
import type { WindowsGeneration } from '@vmbus/guest-windows'
import type { HostProfile } from '@vmbus/host'
import type { Field } from '@vmbus/world'
import type { Control } from '../probes/probe.ts'

/** What both ends offer of VMBus, and of the adapter's protocol where the probe reads it. */
export interface Contact {
  readonly guest: readonly number[]
  readonly host: readonly number[]
  readonly adapter?: Adapter
  /** Versions of the storage protocol that the host has, up to the newest that both have. */
  readonly storage?: readonly number[]
}

/** Versions of NVSP, as the fields have them where the two agree on none. */
export interface Adapter {
  readonly guest: unknown
  readonly host: unknown
  /** What both have of it once they agree. */
  readonly agreed?: { readonly guest: readonly number[]; readonly host: readonly number[] }
  /** The host's newest is older than the guest's, which tells who keeps the version low. */
  readonly hostIsOlder: boolean
}

/** How a guest is made for a measurement. */
export interface MakeOptions {
  /** Fields that are the guest's own; the others are those of one reference, so that nothing else can be seen. Default all. */
  readonly reads?: readonly string[]
  /** What it tries of VMBus and of the adapter's protocol, in place of all its own versions. */
  readonly contact?: Contact
  /** Values that are taken away: of a Linux guest, or of a user's own fields. */
  readonly change?: Control
}

export interface Made<Family extends string, Generation> {
  readonly family: Family
  /** Of the generation: releases with the same drivers may share it. */
  readonly name: string
  readonly fields: Readonly<Record<string, Field<unknown>>>
  /** Versions of VMBus that it tries, in their order. */
  readonly versions: readonly number[]
  /** What beside its fields decides on this host, for a probe that reads these: part of an execution's key. */
  beside(reads: readonly string[], host: HostProfile): readonly string[]
  make(options?: MakeOptions): Generation
}

export type LinuxMatrixGuest = Made<'linux', LinuxGeneration>
export type FreebsdMatrixGuest = Made<'freebsd', FreebsdGeneration>
export type WindowsMatrixGuest = Made<'windows', WindowsGeneration>

/** A simulated guest that stands for releases of the catalog. */
export type MatrixGuest = LinuxMatrixGuest | FreebsdMatrixGuest | WindowsMatrixGuest

export interface NoGuest {
  readonly reason: string
}
