import { MESSAGE_TYPE, MSR, type GuestMemory, type Partition } from '@vmbus/hypervisor'
import { plainCopy } from '@vmbus/world'
import { isSame } from './bench/ram.ts'
import { reportOf, type Report } from './rules/rule.ts'
import { MACHINE_RULES } from './rules/tables.ts'

/** A machine that a partition runs on, as its suite sees it. Each call of `create` makes a new one with the same contents. */
export interface MachineUnderTest {
  readonly name: string
  create(): {
    readonly partition: Partition
    readonly memory: GuestMemory
    /** Interrupts that were raised, in order. */
    readonly interrupts: readonly (readonly [vp: number, vector: number])[]
    /** Reports of bulk writes, in order. */
    readonly wrote: readonly (readonly [gpa: number, length: number])[]
    save(): unknown
    restore(state: unknown): void
  }
}

type Machine = ReturnType<MachineUnderTest['create']>
type MachineRuleId = Exclude<keyof typeof MACHINE_RULES, 'all'>

const SINT = 2
const VECTOR = 0xf3
/** Pages of the guest that the calls use; the machine has at least 16. */
const PAGE = { hypercall: 0x1000, messages: 0x2000, flags: 0x3000 }
const ENABLE = 1
const MASKED = 0x1_0000

/** What a guest and a host do to a partition, one call each. */
const CALLS: readonly ((partition: Partition) => void)[] = [
  (partition) => void partition.wrmsr(0, MSR.guestOsId, 1, 0x8100_0000),
  (partition) => void partition.wrmsr(0, MSR.hypercall, PAGE.hypercall | ENABLE, 0),
  (partition) => void partition.wrmsr(0, MSR.simp, PAGE.messages | ENABLE, 0),
  (partition) => void partition.wrmsr(0, MSR.siefp, PAGE.flags | ENABLE, 0),
  (partition) => void partition.wrmsr(0, MSR.sint0 + SINT, VECTOR, 0),
  (partition) => void partition.wrmsr(0, MSR.scontrol, ENABLE, 0),
  (partition) => void partition.postMessage(0, SINT, MESSAGE_TYPE.vmbus, Uint8Array.of(1, 2, 3, 4)),
  (partition) => void partition.postMessage(0, SINT, MESSAGE_TYPE.vmbus, Uint8Array.of(5, 6, 7, 8)),
  (partition) => void partition.signalEvent(0, SINT, 5),
  (partition) => void partition.signalEvent(0, SINT, 5),
  (partition) => {
    partition.memory.view.setUint32(PAGE.messages + 256 * SINT, 0, true)
    partition.wrmsr(0, MSR.eom, 0, 0)
  },
  (partition) => void partition.wrmsr(0, MSR.sint0 + SINT, VECTOR | MASKED, 0),
  (partition) => void partition.signalEvent(0, SINT, 6),
]
/** Interrupts of the calls: two messages, one flag; the second message waits for EOM, the second flag is set already. */
const EXPECTED = [
  [0, VECTOR],
  [0, VECTOR],
  [0, VECTOR],
]

/** The rules for machines, by what the partition's calls do to memory and interrupts. */
export function machineCompliance(subject: MachineUnderTest): { run(): Promise<Report> } {
  return { run: () => Promise.resolve().then(() => judge(subject)) }
}

function judge(subject: MachineUnderTest): Report {
  const exercised = new Set<string>()
  const broken = new Map<string, readonly string[]>()
  const check = (rule: MachineRuleId, kept: boolean, how: string): void => {
    exercised.add(rule)
    if (!kept && !broken.has(rule)) broken.set(rule, [`broken: ${how}`])
  }
  const first = subject.create()
  for (const call of CALLS) call(first.partition)
  check(
    'machine-interrupt',
    JSON.stringify(first.interrupts) === JSON.stringify(EXPECTED),
    `interrupts ${JSON.stringify(first.interrupts)}, expected ${JSON.stringify(EXPECTED)}`,
  )
  const slot = PAGE.messages + 256 * SINT
  const reported = (gpa: number): boolean => first.wrote.some(([from, length]) => from <= gpa && gpa < from + length)
  const inside = first.wrote.every(([from, length]) => from >= 0 && length > 0 && from + length <= first.memory.size)
  check(
    'machine-wrote',
    reported(PAGE.hypercall) && reported(slot) && inside,
    inside ? 'the hypercall page or a message was written without a word' : 'a report outside of RAM',
  )
  check('machine-views', areOne(first.memory), 'a write through one view is not seen by the others')

  const second = subject.create()
  for (const call of CALLS) call(second.partition)
  // The views were tried on the first one.
  areOne(second.memory)
  check('machine-deterministic', areAlike(first, second), 'the same calls gave something else')

  for (let cut = 0; cut <= CALLS.length; cut++) {
    const restored = subject.create()
    for (const call of CALLS.slice(0, cut)) call(restored.partition)
    const copy = subject.create()
    copy.restore(plainCopy(restored.save()))
    const before = restored.interrupts.length
    for (const call of CALLS.slice(cut)) for (const each of [restored, copy]) call(each.partition)
    const same =
      isSame(restored.memory.words, copy.memory.words) &&
      JSON.stringify(restored.interrupts.slice(before)) === JSON.stringify(copy.interrupts)
    check('machine-restore', same, `restored after ${cut} calls, what follows differs`)
  }
  return reportOf(subject.name, MACHINE_RULES.all, { exercised, broken })
}

function areOne(memory: GuestMemory): boolean {
  const gpa = memory.size - 4096
  memory.bytes[gpa] = 0x78
  memory.view.setUint8(gpa + 1, 0x56)
  const low = (memory.words[gpa >>> 2] ?? 0) & 0xffff
  memory.words[gpa >>> 2] = 0x1122_3344
  return (
    low === 0x5678 &&
    memory.view.getUint32(gpa, true) === 0x1122_3344 &&
    memory.bytes[gpa] === 0x44 &&
    memory.bytes.length === memory.size &&
    memory.words.length * 4 === memory.size
  )
}

const areAlike = (a: Machine, b: Machine): boolean =>
  isSame(a.memory.words, b.memory.words) && JSON.stringify(a.interrupts) === JSON.stringify(b.interrupts)
