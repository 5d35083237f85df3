import type { PreparedImage } from '../../src/index.ts'
import { bzImage, kernelElf } from './kernel.ts'

/** sti; hlt; jmp to the hlt: idle for ever. */
const IDLE = [0xfb, 0xf4, 0xeb, 0xfd]

/** mov dx, COM2; then mov al, BYTE; out dx, al for each byte. */
const say = (text: string): number[] => [
  0x66,
  0xba,
  0xf8,
  0x02,
  ...[...Buffer.from(text)].flatMap((byte) => [0xb0, byte, 0xee]),
]

/** A guest of a few instructions. One with an agent greets as the real one does, and answers nothing. */
export function tinyGuest(code: readonly number[] = IDLE, agent = true): PreparedImage {
  return {
    name: 'tiny',
    bzImage: bzImage(kernelElf([...(agent ? say('VMBUS-AGENT 2\n') : []), ...code])),
    initrd: new Uint8Array(8),
    modules: [],
    agent,
    digest: `tiny ${code.join(' ')} ${agent}`,
  }
}
