import { CPUID, HINT, VMBUS_SINT, takeEventFlags, type GuestMemory } from '@vmbus/hypervisor'
import { MAX_RELID_COMPAT, Version } from '../versions.ts'
import type { GuestContext } from './context.ts'
import { noPages } from './state.ts'

/** Takes the pages that the bus needs, and brings up hypercalls and each VP's SynIC. */
export function bringUp(ctx: GuestContext): void {
  const { options, behaviour, state } = ctx
  const hypercall = state.pages.hypercall || gpa(options.pages.allocate(1)[0] ?? 0)
  const [input = 0, interrupt = 0, parentToChildMonitor = 0, childToParentMonitor = 0] = options.pages
    .allocate(4)
    .map(gpa)
  const messages = options.pages.allocate(ctx.vps).map(gpa)
  const eventFlags = options.pages.allocate(ctx.vps).map(gpa)
  state.pages = { hypercall, input, interrupt, parentToChildMonitor, childToParentMonitor, messages, eventFlags }
  const [first] = ctx.processors
  if (first === undefined) return
  first.enableHypercalls(behaviour.osId, hypercall)
  const autoEoi = (first.cpuid(CPUID.recommendations).eax & HINT.deprecateAutoEoi) === 0
  for (const processor of ctx.processors) {
    const { vp } = processor
    processor.enableSynic({
      messagePage: messages[vp] ?? 0,
      eventFlagsPage: eventFlags[vp] ?? 0,
      vector: behaviour.vector,
      autoEoi,
    })
  }
}

export function takeDown(ctx: GuestContext): void {
  const { pages } = ctx.state
  for (const processor of ctx.processors) processor.disableSynic()
  ctx.options.pages.free(
    [
      pages.input,
      pages.interrupt,
      pages.parentToChildMonitor,
      pages.childToParentMonitor,
      ...pages.messages,
      ...pages.eventFlags,
    ].map(pfn),
  )
  // The hypercall page stays: the guest keeps its hypervisor identity.
  ctx.state.pages = { ...noPages(), hypercall: pages.hypercall }
}

const gpa = (frame: number): number => frame * 4096
const pfn = (address: number): number => address / 4096

/**
 * One interrupt of a VP: event flags first, then its message slot (Linux vmbus_isr). At most one message: a second one
 * comes with its own interrupt, which freeing the slot causes.
 */
export function service(ctx: GuestContext, vp: number, into: Uint8Array, signalled: (relid: number) => void): boolean {
  const { pages, version } = ctx.state
  const { memory } = ctx.options.partition
  const flags = pages.eventFlags[vp]
  const messages = pages.messages[vp]
  if (flags === undefined || messages === undefined) return false
  if (version === 0 || version >= Version.v2_4) takeEventFlags(memory, flags, VMBUS_SINT, signalled)
  else if (takeFlagZero(memory, flags)) takeInterruptPage(memory, pages.interrupt, signalled)
  return ctx.processors[vp]?.takeMessage(messages, VMBUS_SINT, into) ?? false
}

/** Below 2.4 flag 0 says "look at the interrupt page". */
function takeFlagZero(memory: GuestMemory, eventFlags: number): boolean {
  return (Atomics.and(memory.words, (eventFlags + VMBUS_SINT * 256) / 4, ~1) & 1) !== 0
}

function takeInterruptPage(memory: GuestMemory, page: number, signalled: (relid: number) => void): void {
  for (let word = 0; word <= MAX_RELID_COMPAT >>> 5; word++) {
    const pending = Atomics.exchange(memory.words, page / 4 + word, 0)
    for (let bit = 0; bit < 32; bit++) if (pending & (1 << bit)) signalled(word * 32 + bit)
  }
}
