import type { Clock, Diagnose, Timers, TraceSink } from '@vmbus/world'

/**
 * Guest physical memory as one buffer; a GPA is an offset in it. Hyper-V pages are 4096 bytes always.
 * `bytes`, `view` and `words` are getters: a machine that replaces its buffer (memory growth) renews them, so take
 * them anew for each operation and never keep them over a call into the machine.
 */
export interface GuestMemory {
  /** Bytes of RAM, a multiple of 4096. */
  readonly size: number
  /**
   * Guest and host run at the same time: what one wrote has to be fenced before the other is told. Memory that is mapped
   * into another process looks like any ArrayBuffer, so whoever maps it says so. Absent: they take turns.
   */
  readonly concurrent?: boolean
  readonly bytes: Uint8Array
  readonly view: DataView
  /** The same memory as 32-bit words, for Atomics: word i is GPA 4·i. */
  readonly words: Int32Array
  /** Called once after each bulk host write, so that a machine can drop translated code. */
  wrote(gpa: number, length: number): void
}

/** CPUID answer, each register an unsigned 32-bit number. */
export interface CpuidResult {
  eax: number
  ebx: number
  ecx: number
  edx: number
}

/** HV_STATUS, a 16-bit code (TLFS "Hypercall Status Codes"; wire/01 §6). */
export type HvStatus = number

/** A guest's HvPostMessage to a connection. `payload` is a private copy that is reused after the call. */
export type MessagePort = (vp: number, messageType: number, payload: Uint8Array) => HvStatus
/** A guest's HvSignalEvent on a connection. */
export type EventPort = (vp: number, flag: number) => HvStatus

/** What a guest reports through the crash MSRs (0x40000100 to 0x40000105). */
export interface CrashReport {
  readonly parameters: readonly bigint[]
  /** Text from P3 (GPA) and P4 (length) when control bit 62 is set. */
  readonly message?: string
}

export interface PartitionOptions {
  readonly memory: GuestMemory
  readonly clock: Clock
  /** The partition's own timers (synthetic timers); the owner calls `timer(name)` when one fires. */
  readonly timers: Timers
  /** Number of virtual processors, 1 … 2048. */
  readonly vps: number
  /**
   * Raises an edge interrupt on a virtual processor. With `autoEoi` the SINT asks that the interrupt ends itself when it
   * is taken; a machine that cannot do so sets the hint "deprecate auto-EOI" (0x40000004 EAX bit 9).
   */
  interrupt(vp: number, vector: number, autoEoi: boolean): void
  readonly features?: Partial<PartitionFeatures>
  /** Instructions of the hypercall page; the default is `vmcall; ret`. A machine without VMX gives its own. */
  readonly hypercallCode?: Uint8Array
  /** Local APICs behind the MSRs EOI, ICR and TPR. Without them those MSRs are a #GP and are not advertised. */
  readonly apic?: LocalApics
  /**
   * Reference time (100 ns units) when the guest's TSC was 0: then the TSC runs at `features.tscFrequency` and the
   * reference TSC page is valid. Without it the page has sequence 0, which sends guests to the reference time MSR.
   */
  readonly tscOrigin?: bigint
  /** Messages that may wait behind one busy slot, default 1024; more are answered 0x13. */
  readonly messageQueueDepth?: number
  readonly trace?: TraceSink
  readonly diagnose?: Diagnose
  /** The guest wrote the crash control MSR with its notify bit. */
  crashed?(report: CrashReport): void
  /** The guest wrote the reset MSR. Restoring a state saved at power-on is the reset of the partition itself. */
  reset?(): void
  /** The guest read the idle MSR: the virtual processor waits for its next interrupt. */
  idle?(vp: number): void
}

/** What a machine's local APICs do for the enlightened registers (TLFS "Virtual Interrupt Controller"). */
export interface LocalApics {
  eoi(vp: number): void
  readIcr(vp: number, out: Uint32Array): void
  /** False is a #GP. */
  writeIcr(vp: number, low: number, high: number): boolean
  readTpr(vp: number): number
  writeTpr(vp: number, priority: number): void
}

/** What CPUID leaves 0x40000001 to 0x40000006 say. The numbers are facts of a host version, so a profile supplies them. */
export interface PartitionFeatures {
  /** Leaf 2: host version shown to the guest. */
  readonly version: {
    readonly major: number
    readonly minor: number
    readonly build: number
    readonly servicePack: number
    readonly serviceNumber: number
    readonly serviceBranch: number
  }
  /** Leaf 3 EAX and EBX: the partition's privilege mask. */
  readonly privilegesLow: number
  readonly privilegesHigh: number
  /** Leaf 3 EDX. */
  readonly misc: number
  /** Leaf 4 EAX: recommendations. */
  readonly hints: number
  readonly maxVps: number
  readonly maxLogicalProcessors: number
  /** Hz, for the frequency MSRs and the reference TSC page. */
  readonly tscFrequency: number
  readonly apicFrequency: number
}

/** The partition as its guest and its host see it. One plain object; all state is in `save()`. */
export interface Partition {
  readonly memory: GuestMemory
  readonly clock: Clock
  readonly vps: number
  /** What the guest wrote into its GUEST_OS_ID MSR, 0 before. */
  guestOsId(): bigint

  // The machine's side: what the virtual processor traps on. All synchronous.

  /** Fills `out` for leaves 0x40000000…0x4000FFFF and patches leaf 1 ECX[31]; false: not ours, `out` untouched. */
  cpuid(vp: number, leaf: number, subleaf: number, out: CpuidResult): boolean
  /** Reads a synthetic MSR into `out[0]` (low) and `out[1]` (high); false means #GP. */
  rdmsr(vp: number, msr: number, out: Uint32Array): boolean
  /** Writes a synthetic MSR; false means #GP. */
  wrmsr(vp: number, msr: number, low: number, high: number): boolean
  /**
   * A hypercall with its three 64-bit registers as u32 pairs. Returns the result value (status in bits 15:0, reps
   * completed in bits 43:32) as a safe integer, or HYPERCALL_UNDEFINED (-1) when the machine shall raise #UD: the guest
   * has not said who it is (GUEST_OS_ID is 0).
   */
  hypercall(
    vp: number,
    controlLow: number,
    controlHigh: number,
    inputLow: number,
    inputHigh: number,
    outputLow: number,
    outputHigh: number,
  ): number
  /** A timer that this partition set has fired. */
  timer(name: string): void
  /** The guest's APIC ended an interrupt: for machines that report it, messages that wait for this vector are retried. */
  eoi(vp: number, vector: number): void

  // The host's side.

  /** Connects a message port; a second one on the same id is an error VMBUS_PORT_IN_USE. */
  connectMessagePort(connection: number, port: MessagePort): void
  connectEventPort(connection: number, port: EventPort): void
  disconnectPort(connection: number): void
  /**
   * Delivers a SynIC message (payload 0…240 bytes) to slot `sint` of a VP, or queues it behind a busy slot until the
   * guest's EOM. Status 0 delivered or queued; 0x18 the VP's SynIC cannot take it now; 0x13 queue full.
   */
  postMessage(vp: number, sint: number, messageType: number, payload: Uint8Array): HvStatus
  /** Sets an event flag and interrupts on its 0→1 transition. */
  signalEvent(vp: number, sint: number, flag: number): HvStatus
  /** Raises the SINT's vector without touching a flag (legacy interrupt page hosts); no-op when masked. */
  assertSint(vp: number, sint: number): HvStatus
  /** Messages still queued behind the slot. */
  queuedMessages(vp: number, sint: number): number
  /** Forgets what is queued for the slot (bus reset). */
  dropMessages(vp: number, sint: number): void
  /**
   * Calls when something that a VP's SynIC refused before may be tried again: the guest turned it on, unmasked a SINT or
   * made room. Wiring, as the ports are. Returns the way to stop.
   */
  onSynicReady(listener: (vp: number) => void): () => void
  /** Is the VP's SynIC able to take a message on this SINT (SCONTROL, SIMP enabled, SINT not masked)? */
  sintReady(vp: number, sint: number): boolean

  /** Everything, as one plain versioned value of JSON kinds and Uint8Array; restore gives the same later bytes. */
  save(): unknown
  /** Throws StateError (VMBUS_STATE_INVALID) for what `save` of a partition with as many processors cannot have given. */
  checkState(state: unknown): void
  /** Checks first: what is refused has changed nothing. */
  restore(state: unknown): void
  inspect(): Record<string, unknown>
}
