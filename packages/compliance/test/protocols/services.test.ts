import { fcopy, type FileSystem } from '@vmbus/fcopy'
import { kvp, memoryPools } from '@vmbus/kvp'
import { vss } from '@vmbus/vss'
import {
  add32,
  both,
  first,
  later,
  never,
  on,
  set16,
  set32,
  set8,
  u32,
  u8,
  type Edit,
  type Sent,
} from './interposer.ts'
import { BODY, message, shorter, status, wrongAnswers, wrongQuestions } from './ic.ts'
import { judge } from './judge.ts'

const OK = 0
const NO_MORE = 0x8007_0103
const E_FAIL = 0x8000_4005
const UNKNOWN = 0x8000_ffff

/** Messages of an operation, by the byte or word that the body begins with. */
const operation =
  (value: number) =>
  (sent: Sent): boolean =>
    message(sent) && u8(sent, BODY) === value
const answered =
  (value: number, with_: number) =>
  (sent: Sent): boolean =>
    operation(value)(sent) && u32(sent, 20) === with_
const fails = (value: number): Edit => on(operation(value), set32(20, E_FAIL))

const [GET, SET, DELETE, ENUMERATE] = [0, 1, 2, 3]
/** Index, then type and sizes of an ENUMERATE's item; key and value of a SET's. */
const LISTED = BODY + 8
const KEY = BODY + 16

/** Says again what it said of the first item: instead of every answer, or of each of that place. */
function repeats(everywhere: boolean): Edit {
  let said: Sent | undefined
  return on(operation(ENUMERATE), (sent, at) => {
    if (said === undefined && u32(sent, 20) === OK) said = sent
    const index = u32(sent, BODY + 4)
    return said === undefined || !(everywhere || index === 0) ? [sent] : set32(BODY + 4, index)(said, at)
  })
}

judge({
  kind: 'kvp',
  device: () => kvp({}),
  driver: () => kvp.driver({ pools: memoryPools(), intrinsic: () => [{ key: 'OSName', value: 'x' }] }),
  drivers: () => [
    ...wrongAnswers(),
    ['takes no item', 'guest-kvp-set', fails(SET)],
    ['says that it took an item and did not', 'guest-kvp-list', on(answered(ENUMERATE, OK), set32(20, NO_MORE))],
    ['lists another value', 'guest-kvp-list', on(answered(ENUMERATE, OK), set16(LISTED + 12 + 512, 0x58))],
    ['lists under another key', 'guest-kvp-list', on(answered(ENUMERATE, OK), set16(LISTED + 12, 0x58))],
    ['deletes nothing', 'guest-kvp-delete', fails(DELETE)],
    ['says that it deleted and did not', 'guest-kvp-deleted', repeats(false)],
    ['knows no key', 'guest-kvp-get', on(operation(GET), set32(20, NO_MORE))],
    ['never ends an enumeration', 'guest-kvp-end', repeats(true)],
    ['lists a key without its NUL', 'guest-kvp-item', on(answered(ENUMERATE, OK), set32(LISTED + 4, 6))],
    ['lists a value that is too long', 'guest-kvp-item', on(answered(ENUMERATE, OK), set32(LISTED + 8, 4096))],
    ['lists a type that there is not', 'guest-kvp-item', on(answered(ENUMERATE, OK), set32(LISTED, 77))],
    ['answers for another operation', 'guest-kvp-echo', on(operation(ENUMERATE), set8(BODY, GET))],
    ['answers for another pool', 'guest-kvp-echo', on(operation(SET), set8(BODY + 1, 3))],
    ['answers another index', 'guest-kvp-echo', on(operation(ENUMERATE), add32(BODY + 4, 1))],
    ['answers a status that nobody knows', 'guest-kvp-status', status(UNKNOWN)],
    ['fails everything', 'guest-kvp-serves', status(E_FAIL)],
  ],
  devices: () => [
    ...wrongQuestions(),
    ['never asks', 'host-kvp-serves', on(message, never)],
    ['asks for what there is not', 'host-kvp-operation', on(operation(GET), set8(BODY, 6))],
    ['asks for a pool that does not travel', 'host-kvp-operation', on(operation(ENUMERATE), set8(BODY + 1, 4))],
    ['sets a key without its NUL', 'host-kvp-item', on(operation(SET), set32(BODY + 8, 6))],
    ['sets a value that is too long', 'host-kvp-item', on(operation(SET), set32(BODY + 12, 4096))],
    ['sets a key without a letter', 'host-kvp-item', on(operation(SET), both(set32(BODY + 8, 2), set16(KEY, 0)))],
    ['lists from the middle', 'host-kvp-index', on(operation(ENUMERATE), add32(BODY + 4, 2))],
    ['sends a shorter body', 'host-kvp-body', shorter(600)],
  ],
})

const [CHECK, COMPLETE, FREEZE, THAW] = [2, 4, 5, 6]

judge({
  kind: 'vss',
  device: () => vss({ snapshot: () => true }),
  driver: () => vss.driver({ target: { freeze: () => true, thaw: () => true } }),
  drivers: () => [
    ...wrongAnswers(),
    ['fails the check', 'guest-vss-check', fails(CHECK)],
    ['answers the check with flags that there are not', 'guest-vss-flags', on(operation(CHECK), set32(BODY + 8, 0x40))],
    ['does not freeze', 'guest-vss-freeze', fails(FREEZE)],
    ['does not thaw', 'guest-vss-thaw', fails(THAW)],
    ['fails the end', 'guest-vss-complete', fails(COMPLETE)],
    ['never answers a freeze', 'guest-ic-answer', on(operation(FREEZE), never)],
    ['answers for another operation', 'guest-vss-echo', on(operation(FREEZE), set8(BODY, THAW))],
    ['changes the disks', 'guest-vss-echo', on(operation(FREEZE), set32(BODY + 16, 3))],
    ['answers a status that nobody knows', 'guest-vss-status', status(UNKNOWN)],
    ['never thaws', 'guest-vss-serves', fails(THAW)],
  ],
  devices: () => [
    ...wrongQuestions(),
    ['never backs up', 'host-vss-serves', on(message, never)],
    ['freezes without a check', 'host-vss-order', on(operation(CHECK), set8(BODY, 3))],
    ['never thaws', 'host-vss-thaws', on(operation(THAW), never)],
    ['thaws a second time instead of the end', 'host-vss-order', on(operation(COMPLETE), set8(BODY, THAW))],
    ['never ends', 'host-vss-completes', on(operation(COMPLETE), never)],
    ['asks for auto recovery', 'host-vss-operation', on(operation(COMPLETE), set8(BODY, 7))],
    ['asks for what there is not', 'host-vss-operation', on(operation(CHECK), set8(BODY, 9))],
    ['freezes without disks', 'host-vss-body', on(operation(FREEZE), both(set16(18, 39), set32(4, 59)))],
  ],
})

function files(): FileSystem {
  const all = new Map<string, number>()
  return {
    exists: (path) => all.has(path),
    makeFolder: () => true,
    create: (path) => (all.set(path, 0), 0),
    write: (path, offset, bytes) => (all.set(path, offset + bytes.length), 0),
    rename: (from, to) => (all.set(to, all.get(from) ?? 0), all.delete(from), 0),
    remove: (path) => void all.delete(path),
  }
}

const [START, DATA, END, CANCEL] = [0, 1, 2, 3]

judge({
  kind: 'fcopy',
  device: () => fcopy({ source: { read: () => true } }),
  driver: () => fcopy.driver({ files: files() }),
  drivers: () => [
    ...wrongAnswers(),
    ['begins no copy', 'guest-fcopy-start', fails(START)],
    ['takes no block', 'guest-fcopy-data', fails(DATA)],
    ['takes one block', 'guest-fcopy-data', later(operation(DATA), set32(20, E_FAIL))],
    ['completes nothing', 'guest-fcopy-complete', fails(END)],
    ['never answers a block', 'guest-ic-answer', on(operation(DATA), never)],
    ['changes the name', 'guest-fcopy-echo', on(operation(START), set16(BODY + 36, 0x58))],
    ['changes the offset', 'guest-fcopy-echo', on(operation(DATA), set32(BODY + 40, 7))],
    ['answers for another operation', 'guest-fcopy-echo', on(operation(DATA), set32(BODY, END))],
    ['answers a status that nobody knows', 'guest-fcopy-status', status(UNKNOWN)],
    ['fails everything', 'guest-fcopy-serves', status(E_FAIL)],
  ],
  devices: () => [
    ...wrongQuestions(),
    ['never copies', 'host-fcopy-serves', on(message, never)],
    ['asks for what there is not', 'host-fcopy-operation', on(operation(END), set32(BODY, 4))],
    ['sends a shorter start', 'host-fcopy-body', on(operation(START), both(set16(18, 1080), set32(4, 1100)))],
    ['begins twice', 'host-fcopy-order', first(operation(END), set32(BODY, START))],
    ['sends blocks without a start', 'host-fcopy-order', on(operation(START), set32(BODY, CANCEL))],
    ['names no file', 'host-fcopy-name', on(operation(START), set16(BODY + 36, 0))],
    ['names no folder', 'host-fcopy-name', on(operation(START), set16(BODY + 556, 0))],
    ['leaves a gap', 'host-fcopy-blocks', later(operation(DATA), add32(BODY + 40, 8))],
    ['sends the first block twice', 'host-fcopy-blocks', later(operation(DATA), set32(BODY + 40, 0))],
    ['sends too much', 'host-fcopy-blocks', on(operation(DATA), set32(BODY + 48, 6145))],
    ['completes half a file', 'host-fcopy-blocks', on(operation(START), set32(BODY + 1080, 30_000))],
    ['stops half way', 'host-fcopy-goes-on', later(operation(DATA), never)],
  ],
})
