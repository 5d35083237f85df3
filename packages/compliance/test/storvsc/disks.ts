import { execFileSync } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder that goes when the test ends. */
export function scratch(): { readonly path: (name: string) => string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(join(tmpdir(), 'vmbus-storvsc-'))
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

/** An image file of random bytes. */
export function randomImage(path: string, bytes: number): Buffer {
  const data = randomFillSync(Buffer.alloc(bytes))
  writeFileSync(path, data)
  return data
}

/** Runs a public tool on the host's side and returns what it says; throws unless it succeeds. */
export const tool = (command: string, ...args: readonly string[]): string =>
  execFileSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
