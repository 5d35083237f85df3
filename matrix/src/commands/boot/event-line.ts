import type { HostEvent } from '@vmbus/machine-v86'
import { TICKS_PER_SECOND } from '@vmbus/world'
import pc from 'picocolors'

/** Characters of what a host told; what a guest chose to say may be long. */
const LONGEST = 400

/** Lines for events of one name in a second of the guest's time. */
const MOST = 20

/** One line for what a host told. A crash report holds 64-bit numbers, which JSON has no form for: they are shown in hex. */
export function eventLine({ name, at, detail }: HostEvent): string {
  const text = JSON.stringify(detail, (_, value: unknown) =>
    typeof value === 'bigint' ? `0x${value.toString(16)}` : value,
  )
  const short = (text ?? '').length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return `${pc.dim(`${(at / TICKS_PER_SECOND).toFixed(3)} s`)} ${name}${detail === undefined ? '' : ` ${pc.dim(short)}`}`
}

/** What of the host's events is worth a line while a guest runs; a name that comes too often in a second is told so once. */
export function eventLines(progress: (text: string) => void): (event: HostEvent) => void {
  const told = new Map<string, { second: number; lines: number }>()
  return (event) => {
    if (event.name === 'heartbeat:beat' || event.name === 'timesync:sample') return
    const second = Math.floor(event.at / TICKS_PER_SECOND)
    const known = told.get(event.name)
    const count = known?.second === second ? known : { second, lines: 0 }
    told.set(event.name, count)
    count.lines++
    if (count.lines <= MOST) progress(eventLine(event))
    else if (count.lines === MOST + 1) progress(`more of ${event.name} in this second, not shown`)
  }
}
