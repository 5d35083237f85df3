import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { TICKS_PER_MS } from '@vmbus/world'
import { forward, type Forward } from '@vmbus/switch/forward'
import type { TcpHandlers } from '@vmbus/switch/peer'
import { createCarrier, type Carrier, type CarrierOptions } from '../src/forward/carrier.ts'
import { LocalEnd } from './local-pair.ts'
import { pair, pattern, type Pair } from './pair.ts'

/** Lets virtual time follow real time until stopped: what a user's own loop does. */
function drive({ world }: Pair): () => void {
  const timer = setInterval(() => world.runTo(world.clock.now() + TICKS_PER_MS), 1)
  return () => clearInterval(timer)
}

const ticks = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** Sends back what comes, within its room, and ends when the other side has ended. */
function echo(): TcpHandlers {
  const waiting = new Map<number, Uint8Array[]>()
  return {
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
  }
}

/** What comes back until the end. */
async function exchanged(program: Duplex, sent: Uint8Array): Promise<Buffer> {
  const got: Buffer[] = []
  program.on('data', (chunk: Buffer) => got.push(chunk))
  program.end(sent)
  await once(program, 'end')
  return Buffer.concat(got)
}

const codeOf = async (program: Duplex): Promise<string> => {
  const [error] = (await once(program, 'error')) as [NodeJS.ErrnoException]
  return error.code ?? ''
}

describe('a carrier of connections to a service behind the switch', () => {
  function service(
    handlers: TcpHandlers,
    more: Partial<CarrierOptions> = {},
  ): { made: Pair; carrier: Carrier; dial: () => LocalEnd } {
    const made = pair()
    made.b.listen(80, handlers)
    const carrier = createCarrier({
      peer: made.a,
      to: { address: '10.0.0.2', port: 80 },
      connections: 64,
      run: (work) => work(),
      ...more,
    })
    const stop = drive(made)
    cleanups.push(() => {
      carrier.abort()
      stop()
    })
    const dial = (): LocalEnd => {
      const [local, program] = LocalEnd.pair()
      carrier.accept(local)
      return program
    }
    return { made, carrier, dial }
  }

  test('forgets a connection that is gone before the busy world looks at it', async () => {
    const waiting: (() => void)[] = []
    const { made, carrier, dial } = service({}, { run: (work) => void waiting.push(work) })
    const program = dial()
    expect(carrier.connections).toBe(1)
    program.resetAndDestroy()
    await once(program, 'close')
    expect(carrier.connections).toBe(0)
    for (const work of waiting.splice(0)) work()
    expect(carrier.connections).toBe(0)
    expect(made.a.sockets()).toEqual([])
  })

  test('carries a megabyte there and back, and the ends of both directions', async () => {
    const { carrier, dial, made } = service(echo())
    const sent = pattern(1 << 20, 1)
    expect(Buffer.compare(await exchanged(dial(), sent), sent)).toBe(0)
    while (carrier.connections > 0) await ticks()
    while (made.b.sockets().length > 0) await ticks()
  })

  test('a refused connection is reset', async () => {
    const { dial } = service({ opened: (socket) => socket.abort() })
    expect(await codeOf(dial())).toBe('ECONNRESET')
  })

  test('a reset from this side reaches the service, and so does an abort of all', async () => {
    const reasons: string[] = []
    const { made, carrier, dial } = service({ closed: (_, reason) => void reasons.push(reason) })
    const [one, two] = [dial(), dial()]
    while (made.b.sockets().filter(({ state }) => state === 'established').length < 2) await ticks()
    one.resetAndDestroy()
    while (reasons.length < 1) await ticks()
    const told = codeOf(two)
    carrier.abort()
    expect(await told).toBe('ECONNRESET')
    while (reasons.length < 2) await ticks()
    expect(reasons).toEqual(['reset', 'reset'])
    expect(made.a.sockets()).toEqual([])
  })

  test('connections beyond the limit are closed', async () => {
    const { dial, carrier } = service({}, { connections: 1 })
    dial()
    const second = dial()
    second.resume()
    await once(second, 'end')
    expect(carrier.connections).toBe(1)
  })
})

describe('a forward from 127.0.0.1', () => {
  const loopback = Object.values(networkInterfaces()).some((of) => of?.some(({ address }) => address === '127.0.0.1'))
  const to = { address: '10.0.0.2', port: 80 }

  // A new network namespace (`unshare -n`) has its loopback interface down: Linux lets a server listen there, and tells
  // whoever connects that the network is unreachable.
  test(`carries TCP while the loopback interface is up, and ${loopback ? 'it is' : 'it is down'}`, async () => {
    const made = pair()
    made.b.listen(80, echo())
    made.b.listen(81, { opened: (socket) => socket.abort() })
    const stop = new AbortController()
    const open = await forward({ peer: made.a, to, signal: stop.signal })
    const refusing = await forward({ peer: made.a, to: { ...to, port: 81 } })
    cleanups.push(
      drive(made),
      () => open.close(),
      () => refusing.close(),
    )
    expect(open).toMatchObject({ address: '127.0.0.1', deterministic: false, connections: 0 })
    const dial = ({ address, port }: Forward) => connect({ host: address, port, allowHalfOpen: true })
    if (!loopback) {
      expect(await codeOf(dial(open))).toBe('ENETUNREACH')
      return
    }
    const sent = pattern(1 << 20, 1)
    expect(Buffer.compare(await exchanged(dial(open), sent), sent)).toBe(0)
    expect(await codeOf(dial(refusing))).toBe('ECONNRESET')
    stop.abort()
    await open.close()
    expect(await codeOf(dial(open))).toBe('ECONNREFUSED')
  })

  test('an abort before it listens is its reason', async () => {
    const { a } = pair()
    await expect(forward({ peer: a, to, signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  })

  test('a port that is taken is told by its code', async () => {
    const { a } = pair()
    const open = await forward({ peer: a, to })
    cleanups.push(() => open.close())
    await expect(forward({ peer: a, to, port: open.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

test('nothing but the forward imports from Node', () => {
  const source = join(import.meta.dirname, '../src')
  const importing = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && readFileSync(join(source, file), 'utf8').includes("'node:"),
  )
  expect(importing.sort()).toEqual([join('forward', 'carrier.ts'), join('forward', 'index.ts')])
})
