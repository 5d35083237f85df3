/** Sequence numbers are 32 bits and wrap; differences are signed (RFC 9293, 3.4). */
export const seqAdd = (a: number, n: number): number => (a + n) >>> 0
/** How far `a` is after `b`, negative when before. */
export const seqDiff = (a: number, b: number): number => (a - b) | 0
