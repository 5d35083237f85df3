import type { HostEvent } from '@vmbus/machine-v86'
import pc from 'picocolors'

/** One line for what a host told. A crash report holds 64-bit numbers, which JSON has no form for: they are shown in hex. */
export function eventLine({ name, at, detail }: HostEvent): string {
  const text = JSON.stringify(detail, (_, value: unknown) =>
    typeof value === 'bigint' ? `0x${value.toString(16)}` : value,
  )
  return `${pc.dim(`${(at / 1e7).toFixed(3)} s`)} ${name}${detail === undefined ? '' : ` ${pc.dim(text)}`}`
}
