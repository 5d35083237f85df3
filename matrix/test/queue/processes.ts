import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as dial, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A port that nobody has. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Until something is so. */
export async function until(is: () => boolean | Promise<boolean>, what: string, ms = 60_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`)
    await sleep(20)
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** A server of the system's Redis that keeps nothing when it ends. */
export interface RedisServer {
  readonly url: string
  /** As a power cut does. */
  kill(): Promise<void>
}

export async function redisServer(port: number, ...more: string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'vmbus-redis-'))
  const argv = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const child = spawn('redis-server', [...argv, ...more], { stdio: 'ignore' })
  const failed = new Promise<never>((_, reject) => child.on('error', reject))
  await Promise.race([until(() => answers(port), `redis-server at port ${port}`), failed])
  return {
    url: `redis://127.0.0.1:${port}`,
    async kill() {
      child.kill('SIGKILL')
      await ended(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A command of `vmbus` in a process of its own, as it was built. */
export interface VmbusProcess {
  /** What it said on its standard error until now. */
  said(): string
  /** Waits for the end: the exit code, null when a signal ended it. */
  ended(): Promise<number | null>
  /** Sends a signal, and waits for the end. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** `cache` is the folder of its finished executions. */
export function vmbus(
  argv: readonly string[],
  cache: string,
  environment: Readonly<Record<string, string>> = {},
): VmbusProcess {
  let err = ''
  const child = spawn(process.execPath, [join(root, 'matrix/dist/cli.js'), ...argv], {
    env: { ...process.env, XDG_CACHE_HOME: cache, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  return {
    said: () => err,
    async ended() {
      await ended(child)
      return child.exitCode
    },
    async end(signal) {
      child.kill(signal)
      await ended(child)
      return child.exitCode
    },
  }
}
