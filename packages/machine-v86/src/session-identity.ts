import { anything, object, optional, stateForm, text, type StateForm, type StateHead } from '@vmbus/world'
import { MACHINE_STATE } from './emulator/state.ts'
import { DEFAULT_JITTER } from './emulator/machine-types.ts'
import { AGENT_STATE } from './guest/agent.ts'
import { CONSOLE_STATE } from './guest/console.ts'
import { sha256 } from './image/cache.ts'
import type { MachineSettings, SessionOptions, SessionSnapshot } from './session-types.ts'

/** Words that save seconds of guest time: self-tests, probes and certificates that no VMBus test needs. */
export const DEFAULT_CMDLINE = [
  'console=ttyS0',
  'panic=-1',
  'cryptomgr.notests',
  'noisapnp',
  'pci=off',
  'no_timer_check',
  'initcall_blacklist=init_kprobe_trace,load_system_certificate_list,crypto_kdf108_init,init_blk_tracer',
].join(' ')

/** RAM that an image needs: its unpacked initial RAM disk, twice while it is unpacked, and the kernel. */
export function memoryFor(initrdBytes: number, wanted?: number): number {
  return wanted ?? Math.max(128, Math.ceil((64 + (2.2 * initrdBytes) / 2 ** 20) / 32) * 32)
}

/** Raised when the machine itself changes in a way that a guest can see: older snapshots are then of another machine. */
const MODEL = 2

/** What a snapshot must have in common with the session that restores it. The seed may differ: it drives what comes after. */
export function sessionIdentity(options: Pick<SessionOptions, 'emulator' | 'image' | keyof MachineSettings>): string {
  const { emulator, image } = options
  return sha256(
    JSON.stringify([
      MODEL,
      image.digest,
      emulator.digests,
      memoryFor(image.initrd.length, options.memoryMB),
      DEFAULT_CMDLINE,
      options.cmdline ?? '',
      options.instructionNs ?? 0,
      String(options.epoch ?? ''),
      { ...DEFAULT_JITTER, ...options.jitter },
    ]),
  )
}

export const SESSION_STATE: StateForm<Omit<SessionSnapshot, keyof StateHead>> = stateForm('session-v86', 2, {
  identity: text,
  machine: MACHINE_STATE.of,
  agent: object(AGENT_STATE),
  console: object(CONSOLE_STATE),
  host: anything,
  booted: anything,
  seen: optional(text),
})
