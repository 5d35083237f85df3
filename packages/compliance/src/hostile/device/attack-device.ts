import type { AttackOptions, AttackReport } from '../report.ts'
import { attackSessions } from '../sessions.ts'
import { playSession } from './attack-session.ts'
import { packetCorpus } from './packet-corpus.ts'
import type { DeviceTarget } from './target.ts'

/** Inputs after which both ends are made anew. */
const SESSION = 250

/**
 * A hostile peer against one end of a device: both ends live over real buses, what the peer sends is mutated before the
 * end reads it, and copies of what was sent arrive again, mutated, at any time; the device is used, withdrawn, offered
 * again, suspended and restored in between. Nothing may throw or hang, no packet is completed twice, no page changes that
 * nobody granted, and after the device is gone nothing is left of it.
 */
export function attackDevice(target: DeviceTarget, end: 'host' | 'guest', options: AttackOptions): AttackReport {
  const heard = packetCorpus()
  return attackSessions(options, SESSION, (session) => playSession({ ...session, target, end, heard }))
}
