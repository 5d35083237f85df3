import { MessageId } from '@vmbus/core'
import { heartbeat } from '@vmbus/heartbeat'
import { createHost, ws2012r2, ws2022, type HostProfile } from '@vmbus/host'
import type { Partition } from '@vmbus/hypervisor'
import { shutdown } from '@vmbus/shutdown'
import { timesync } from '@vmbus/timesync'
import { balloon } from '@vmbus/balloon'
import { scopedTimers } from '@vmbus/world'
import { guestWith, type GuestMachine, type GuestUnderTest, type HostUnderTest, type Report } from '../../src/index.ts'

const idOf = (bytes: Uint8Array): number => bytes[0] ?? 0

/** What a saboteur makes of a message: those that go instead. */
export type Interposer = (message: Uint8Array, id: number) => readonly Uint8Array[]

export const DRIVERS = [
  heartbeat.driver({}),
  shutdown.driver({ act() {} }),
  timesync.driver({ clock: { set() {}, discipline() {}, now: () => 0n } }),
]

/** A host of @vmbus/host with the components; `interposer` is what its messages to the guest become. */
export function realHost(
  profile: HostProfile = ws2022,
  interposer?: Interposer,
  wrap: (spec: ReturnType<typeof heartbeat>) => ReturnType<typeof heartbeat> = (spec) => spec,
): HostUnderTest {
  return {
    name: profile.id,
    attach(port) {
      const made = createHost(profile, {
        ...port,
        timers: scopedTimers(port.timers, 'own'),
        interrupt: (vp, vector) => port.interrupt(vp, vector),
        trace: (event) => {
          if (interposer === undefined || event.kind !== 'message' || event.to !== 'guest') port.trace?.(event)
        },
      })
      const send = made.partition.postMessage.bind(made.partition)
      if (interposer !== undefined) {
        made.partition.postMessage = (vp, sint, type, payload) => {
          for (const bytes of interposer(payload.slice(), idOf(payload))) {
            port.trace?.({ kind: 'message', to: 'guest', vp, connection: sint, bytes })
            send(vp, sint, type, bytes)
          }
          return 0
        }
      }
      made.offer(wrap(heartbeat({})))
      made.offer(shutdown({}))
      made.offer(timesync({}))
      made.offer(balloon({ settleSeconds: 1 }))
      return { partition: made.partition, bus: made.bus, timer: (name) => made.timer(name.slice('own/'.length)) }
    },
  }
}

/** A correct guest whose messages to the host become something else. */
export function interposing(interposer: Interposer, options: Parameters<typeof guestWith>[1] = {}): GuestUnderTest {
  return {
    name: 'interposing guest',
    boot(machine) {
      return guestWith(DRIVERS, options).boot({ ...machine, partition: intercept(machine, interposer) })
    },
  }
}

/** HvPostMessage (0x5C) with its input page: connection, reserved, type, size, payload (TLFS). */
function intercept({ partition }: GuestMachine, interposer: Interposer): Partition {
  const hypercall: Partition['hypercall'] = (vp, low, high, inLow, inHigh, outLow, outHigh) => {
    if ((low & 0xffff) !== 0x5c) return partition.hypercall(vp, low, high, inLow, inHigh, outLow, outHigh)
    const { view, bytes } = partition.memory
    const original = bytes.slice(inLow, inLow + 256)
    const size = view.getUint32(inLow + 12, true)
    let status = 0
    for (const message of interposer(original.slice(16, 16 + size), original[16] ?? 0)) {
      view.setUint32(inLow + 12, message.length, true)
      bytes.set(message, inLow + 16)
      status = partition.hypercall(vp, low, high, inLow, inHigh, outLow, outHigh)
    }
    bytes.set(original, inLow)
    return status
  }
  return new Proxy(partition, {
    get: (target, key) => (key === 'hypercall' ? hypercall : (Reflect.get(target, key, target) as unknown)),
  })
}

/** A message of an id with words after its header. */
export function message(id: number, ...words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 + 4 * words.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, id, true)
  words.forEach((word, index) => view.setUint32(8 + 4 * index, word, true))
  return bytes
}

/** The message with one 32-bit word changed. */
export function edited(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = bytes.slice()
  new DataView(copy.buffer).setUint32(offset, value, true)
  return copy
}

export const word = (bytes: Uint8Array, offset: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true)

/** Does something to the first message of an id, and nothing to the rest. */
export function once(id: number, act: (bytes: Uint8Array) => readonly Uint8Array[]): Interposer {
  return (bytes, each) => (each === id ? act(bytes) : [bytes])
}

/** What fails when something else does: the other end refuses it, and a device's work is not done. */
const CONSEQUENCE = /-(?:accepted|serves|opens)$/

/** The rules that fail, without those that fail in consequence; `id` is never one of these. */
export const ownFailures = (report: Report, id: string): readonly string[] =>
  report.failures
    .map((rule) => rule.id)
    .filter((each) => each === id || !CONSEQUENCE.test(each))
    .toSorted()

export { MessageId, ws2012r2, ws2022 }
