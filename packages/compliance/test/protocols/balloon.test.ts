import { balloon, type GuestMemoryManager } from '@vmbus/balloon'
import {
  add32,
  also,
  before,
  both,
  first,
  later,
  never,
  on,
  set16,
  set32,
  twice,
  u16,
  type Sent,
} from './interposer.ts'
import { judge } from './judge.ts'

/** A guest's memory as two counts of pages, without any RAM behind them. */
function fakePages(): GuestMemoryManager {
  let [next, free] = [0, 16_384]
  return {
    total: () => free,
    available: () => free,
    committed: () => 0,
    take(count) {
      free -= count
      next += count
      return { start: next - count, count }
    },
    release: ({ count }) => void (free += count),
    add: ({ count }) => count,
  }
}

const type =
  (value: number) =>
  (sent: Sent): boolean =>
    u16(sent, 0) === value
const VERSION = type(1)
const VERSION_ANSWER = type(2)
const CAPABILITIES = type(3)
const CAPABILITIES_ANSWER = type(4)
const STATUS = type(5)
const BALLOON = type(6)
const BALLOON_ANSWER = type(7)
const UNBALLOON = type(8)
const UNBALLOON_ANSWER = type(9)
const HOT_ADD = type(10)
const HOT_ADD_ANSWER = type(11)
const any = (): boolean => true
/** First range of an answer or a request: its start. */
const RANGE = 16

judge({
  kind: 'balloon',
  device: () => balloon({ bootPages: 65_536, settleSeconds: 1 }),
  driver: () => balloon.driver({ memory: fakePages(), reportDelay: 0 }),
  drivers: () => [
    ['says nothing', 'guest-balloon-serves', on(any, never)],
    ['never says what it can', 'guest-balloon-serves', on(CAPABILITIES, never)],
    ['asks for a version that there is not', 'guest-balloon-versions', first(VERSION, set32(8, 0x2_0001))],
    ['asks for a version twice', 'guest-balloon-versions', first(VERSION, twice)],
    ['answers before it has a version', 'guest-balloon-order', first(VERSION, before(both(set16(0, 9), set16(2, 8))))],
    ['tells its capabilities twice', 'guest-balloon-order', on(CAPABILITIES, twice)],
    ['cannot give memory up', 'guest-balloon-capabilities', on(CAPABILITIES, set32(8, 0x1c))],
    ['says what the host drops', 'guest-balloon-accepted', on(CAPABILITIES, twice)],
    ['numbers nothing', 'guest-balloon-numbers', on(any, set32(4, 0))],
    ['numbers a message twice', 'guest-balloon-numbers', later(STATUS, add32(4, -1))],
    ['sends a size that is too small', 'guest-balloon-message', on(STATUS, set16(2, 16))],
    ['sends a size beyond the packet', 'guest-balloon-message', on(STATUS, set16(2, 64))],
    ['sends a type that there is not', 'guest-balloon-message', on(STATUS, set16(0, 20))],
    ['speaks as a host', 'guest-balloon-message', on(STATUS, set16(0, 6))],
    ['never reports', 'guest-balloon-reports', on(STATUS, never)],
    ['reports once', 'guest-balloon-reports', later(STATUS, never)],
    ['reports twice in a second', 'guest-balloon-pace', on(STATUS, also(add32(4, 0)))],
    ['reports more than there can be', 'guest-balloon-values', on(STATUS, set32(12, 0x7fff_ffff))],
    ['never gives memory up', 'guest-balloon-answers', on(BALLOON_ANSWER, never)],
    ['gives up what nobody asked for', 'guest-balloon-asked', first(STATUS, both(set16(0, 7), set16(2, 48)))],
    ['gives the same pages up again', 'guest-balloon-once', first(BALLOON_ANSWER, both(set32(12, 3), twice))],
    ['counts ranges that are not there', 'guest-balloon-ranges', on(BALLOON_ANSWER, set32(12, 200))],
    ['gives up more than it was asked for', 'guest-balloon-most', on(BALLOON_ANSWER, set32(RANGE + 4, 0x10_0000))],
    ['never ends', 'guest-balloon-answers', on(BALLOON_ANSWER, set32(12, 3))],
    ['never takes memory back', 'guest-balloon-answers', on(UNBALLOON_ANSWER, never)],
    ['takes memory back twice', 'guest-balloon-asked', on(UNBALLOON_ANSWER, twice)],
    ['adds more than it was offered', 'guest-balloon-added', on(HOT_ADD_ANSWER, add32(8, 1))],
    ['adds, and says that it failed', 'guest-balloon-added', on(HOT_ADD_ANSWER, set32(12, 0))],
    ['never answers an offer of memory', 'guest-balloon-answers', on(HOT_ADD_ANSWER, never)],
  ],
  devices: () => [
    ['answers no version', 'host-balloon-version', on(VERSION_ANSWER, never)],
    ['answers a version twice', 'host-balloon-version', on(VERSION_ANSWER, twice)],
    ['never answers the capabilities', 'host-balloon-capabilities', on(CAPABILITIES_ANSWER, never)],
    ['says what the driver drops', 'host-balloon-accepted', on(CAPABILITIES_ANSWER, twice)],
    ['never asks', 'host-balloon-serves', on(BALLOON, never)],
    ['asks for nothing', 'host-balloon-pages', on(BALLOON, set32(8, 0))],
    ['asks twice', 'host-balloon-one', first(BALLOON, twice)],
    ['asks before the capabilities', 'host-balloon-order', on(VERSION_ANSWER, also(both(set16(0, 6), set32(8, 7))))],
    ['gives back what it was not given', 'host-balloon-returns', on(UNBALLOON, add32(RANGE, 7))],
    ['counts ranges that are not there', 'host-balloon-ranges', on(UNBALLOON, set32(12, 9))],
    ['announces more and sends none', 'host-balloon-ranges', on(UNBALLOON, set32(8, 1))],
    ['adds off the alignment', 'host-balloon-region', on(HOT_ADD, add32(16, 8))],
    ['adds outside of the region', 'host-balloon-region', on(HOT_ADD, add32(8, 1))],
    ['sends a size beyond the packet', 'host-balloon-message', on(BALLOON, set16(2, 64))],
    ['speaks as a guest', 'host-balloon-message', on(BALLOON, set16(0, 5))],
  ],
})
