import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { TICKS_PER_MS } from '@vmbus/world'
import { forward, type Forward } from '@vmbus/switch/forward'
import { pair, pattern, type Pair } from './pair.ts'

/** Lets virtual time follow real time until stopped: what a user's own loop does. */
function drive({ world }: Pair): () => void {
  const timer = setInterval(() => world.runTo(world.clock.now() + TICKS_PER_MS), 1)
  return () => clearInterval(timer)
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function service(
  onBytes: Parameters<Pair['b']['listen']>[1],
  more: { connections?: number; signal?: AbortSignal } = {},
): Promise<{ made: Pair; open: Forward; dial: () => Promise<Socket> }> {
  const made = pair()
  made.b.listen(80, onBytes)
  const open = await forward({ peer: made.a, to: { address: '10.0.0.2', port: 80 }, ...more })
  cleanups.push(drive(made), () => open.close())
  const dial = async (): Promise<Socket> => {
    const socket = connect({ host: open.address, port: open.port, allowHalfOpen: true })
    cleanups.push(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  return { made, open, dial }
}

describe('a forward from 127.0.0.1 to a service behind the switch', () => {
  test('forgets a connection that is gone before the busy world looks at it', async () => {
    const made = pair()
    made.b.listen(80, {})
    const waiting: (() => void)[] = []
    const open = await forward({
      peer: made.a,
      to: { address: '10.0.0.2', port: 80 },
      run: (work) => void waiting.push(work),
    })
    cleanups.push(() => open.close())
    const socket = connect({ host: open.address, port: open.port })
    await once(socket, 'connect')
    while (open.connections === 0) await new Promise((resolve) => setImmediate(resolve))
    socket.resetAndDestroy()
    while (open.connections > 0) await new Promise((resolve) => setImmediate(resolve))
    for (const work of waiting.splice(0)) work()
    expect(open.connections).toBe(0)
    expect(made.a.sockets()).toEqual([])
  })

  test('carries a megabyte there and back, and the ends of both directions', async () => {
    const waiting = new Map<number, Uint8Array[]>()
    const { open, dial } = await service({
      data: (socket, bytes) => {
        const queue = waiting.get(socket.id) ?? []
        waiting.set(socket.id, queue)
        const taken = queue.length > 0 ? 0 : socket.write(bytes)
        if (taken < bytes.length) queue.push(bytes.slice(taken))
      },
      drained: (socket) => {
        const queue = waiting.get(socket.id) ?? []
        for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) {
          const taken = socket.write(piece)
          if (taken === piece.length) continue
          queue.unshift(piece.subarray(taken))
          break
        }
        if (queue.length === 0 && socket.state === 'close-wait') socket.end()
      },
      ended: (socket) => {
        if ((waiting.get(socket.id) ?? []).length === 0) socket.end()
      },
    })
    const socket = await dial()
    const sent = pattern(1 << 20, 1)
    const got: Buffer[] = []
    socket.on('data', (chunk: Buffer) => got.push(chunk))
    socket.end(sent)
    await once(socket, 'end')
    expect(Buffer.compare(Buffer.concat(got), sent)).toBe(0)
    expect(open.deterministic).toBe(false)
  })

  test('a refused connection is reset, an abort closes all', async () => {
    const stop = new AbortController()
    const { made, open } = await service({ opened: (socket) => socket.abort() }, { signal: stop.signal })
    const socket = connect({ host: open.address, port: open.port })
    const [error] = (await once(socket, 'error')) as unknown[]
    expect(error).toMatchObject({ code: 'ECONNRESET' })
    stop.abort()
    await open.close()
    expect(made.a.sockets()).toEqual([])
    const refused = connect({ host: open.address, port: open.port })
    const [again] = (await once(refused, 'error')) as unknown[]
    expect(again).toMatchObject({ code: 'ECONNREFUSED' })
    await expect(forward({ peer: made.a, to: { address: '10.0.0.2', port: 80 }, signal: stop.signal })).rejects.toThrow(
      'aborted',
    )
  })

  test('connections beyond the limit are closed', async () => {
    const { dial, open } = await service({}, { connections: 1 })
    await dial()
    const second = await dial()
    second.resume()
    await once(second, 'end')
    expect(open.connections).toBe(1)
  })
})

test('nothing but the forward imports from Node', () => {
  const source = join(import.meta.dirname, '../src')
  const importing = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && readFileSync(join(source, file), 'utf8').includes("'node:"),
  )
  expect(importing).toEqual([join('forward', 'index.ts')])
})
