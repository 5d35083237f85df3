import type { Sender, SentPacket } from './types.ts'

/** A record for a packet, which begins in `sent` before it is sent: its completion may come before the sender returns. */
export function packetRecord(
  { unusedRecords }: Pick<Sender, 'unusedRecords'>,
  kind: SentPacket['kind'],
  queue: number,
  type = 0,
): SentPacket {
  const packet = unusedRecords.pop() ?? { kind, queue, type, section: -1, pfns: [] }
  packet.kind = kind
  packet.queue = queue
  packet.type = type
  return packet
}

/** Keeps a record for the next packet. What it held is not freed: its caller has done so, or uses it. */
export function recycle({ unusedRecords }: Pick<Sender, 'unusedRecords'>, packet: SentPacket): void {
  while (packet.pfns.length > 0) packet.pfns.pop()
  unusedRecords.push(packet)
}

/** The packet has ended, or was never sent: its section or pages are free again. */
export function release(ctx: Sender, packet: SentPacket): void {
  const { state } = ctx
  if (packet.kind === 'section') state.sections.push(packet.section)
  else if (packet.kind === 'pages') for (const pfn of packet.pfns) state.pages.push(pfn)
  recycle(ctx, packet)
}

/** The host has not completed it. */
export const isUnderWay = ({ kind }: SentPacket): boolean => kind !== 'kept'

/** How many packets the host has not completed; or how many records match. */
export function underWay({ sent }: Sender, matches: (packet: SentPacket) => boolean = isUnderWay): number {
  let count = 0
  sent.each((packet) => void (count += matches(packet) ? 1 : 0))
  return count
}

/** Ends what the host will not complete. */
export function endUnanswered(ctx: Sender, matches: (packet: SentPacket) => boolean = () => true): void {
  ctx.sent.each((packet, id) => {
    if (!isUnderWay(packet) || !matches(packet)) return
    ctx.sent.end(id)
    release(ctx, packet)
  })
}
