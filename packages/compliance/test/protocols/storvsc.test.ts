import { memoryDisk } from '@vmbus/disk'
import type { Channel, HostDeviceHandle } from '@vmbus/core'
import { storvsc, type StorvscGuest, type StorvscHost } from '@vmbus/storvsc'
import type { Ends } from '../../src/index.ts'
import {
  add32,
  before,
  both,
  cut,
  first,
  never,
  on,
  set16,
  set32,
  set8,
  u32,
  u8,
  type Change,
  type Edit,
  type Sent,
} from './interposer.ts'
import { judge } from './judge.ts'

const PacketType = { inBand: 6, completion: 11 }
const operation =
  (value: number) =>
  (sent: Sent): boolean =>
    sent.type !== PacketType.completion && u32(sent, 0) === value
const [EXECUTE, BEGIN, END, QUERY_VERSION, QUERY_PROPERTIES, CREATE] = [3, 7, 8, 9, 10, 13]
/** Fields of a request; a CDB and sense data are at 28 (wire/05 §1). */
const AT = {
  status: 8,
  body: 12,
  srb: 14,
  scsi: 15,
  cdbLength: 20,
  sense: 21,
  dataIn: 22,
  transfer: 24,
  cdb: 28,
  flags: 52,
}
const command =
  (opcode: number) =>
  (sent: Sent): boolean =>
    operation(EXECUTE)(sent) && u8(sent, AT.cdb) === opcode
const [INQUIRY, READ] = [0x12, 0x28]

/** Completions in the order in which a right host sends them: begin, version, properties, end, subchannels, then commands. */
const SET_UP = 5
const completion = (sent: Sent): boolean => sent.type === PacketType.completion
function nth(index: number): (sent: Sent) => boolean {
  let seen = 0
  return (sent) => completion(sent) && seen++ === index
}
function commands(): (sent: Sent) => boolean {
  let seen = 0
  return (sent) => completion(sent) && seen++ >= SET_UP
}
const failed = (): ((sent: Sent) => boolean) => {
  const isCommand = commands()
  return (sent) => isCommand(sent) && u8(sent, AT.scsi) === 2 && (u8(sent, AT.srb) & 0x80) !== 0
}
const moved = (): ((sent: Sent) => boolean) => {
  const isCommand = commands()
  return (sent) => isCommand(sent) && u32(sent, AT.transfer) === 1024
}

/** The last page of 2 MiB: nobody allocates so many. */
const PAGE = 511

/** Reads two sectors, writes them, and asks for what no disk knows; once the host gets a further disk. */
function use({ host, drivers, round }: Ends): void {
  const [handle] = (host.bus?.devices ?? []) as readonly HostDeviceHandle<StorvscHost>[]
  if (round === 2) handle?.device.addLun({ disk: memoryDisk('64K'), lun: 5 })
  const [driver] = drivers as readonly StorvscGuest[]
  if (driver === undefined || driver.disks.length === 0) return
  const buffer = { byteOffset: 0, byteCount: 1024, pfns: [PAGE] }
  driver.read({}, 0, buffer)
  driver.write({}, 2, buffer)
  driver.submit({ lun: 0, cdb: Uint8Array.of(0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0) })
}

judge({
  kind: 'storvsc',
  device: () => storvsc({ luns: [memoryDisk('1M')] }),
  driver: () => storvsc.driver({}),
  options: { use, seconds: 30 },
  drivers: () => [
    ['says nothing', 'guest-storvsc-serves', on(() => true, never)],
    ['only sets itself up', 'guest-storvsc-serves', on(operation(EXECUTE), never)],
    ['sets up over a subchannel', 'guest-storvsc-primary', overSubchannel],
    ['skips BEGIN', 'guest-storvsc-version', on(operation(BEGIN), set32(0, QUERY_VERSION))],
    ['begins twice', 'guest-storvsc-begin', first(operation(QUERY_PROPERTIES), set32(0, BEGIN))],
    [
      'asks for a version that there is not',
      'guest-storvsc-versions',
      first(operation(QUERY_VERSION), set16(AT.body, 0x0700)),
    ],
    ['asks for the same version again', 'guest-storvsc-versions', on(operation(QUERY_VERSION), set16(AT.body, 0x0700))],
    [
      'asks for a version when it has one',
      'guest-storvsc-version',
      on(operation(END), both(set32(0, QUERY_VERSION), set16(AT.body, 0x0200))),
    ],
    ['asks for the properties twice', 'guest-storvsc-properties', on(operation(END), set32(0, QUERY_PROPERTIES))],
    ['ends before the properties', 'guest-storvsc-end', on(operation(QUERY_PROPERTIES), set32(0, END))],
    ['ends twice', 'guest-storvsc-end', on(operation(CREATE), set32(0, END))],
    ['sends a command before the end', 'guest-storvsc-early', on(operation(QUERY_PROPERTIES), set32(0, EXECUTE))],
    ['resets before the end', 'guest-storvsc-early', on(operation(QUERY_VERSION), set32(0, 6))],
    [
      'asks for more subchannels than there are',
      'guest-storvsc-subchannels',
      on(operation(CREATE), set16(AT.body, 99)),
    ],
    ['asks for no subchannel', 'guest-storvsc-subchannels', on(operation(CREATE), set16(AT.body, 0))],
    ['asks for what there is not', 'guest-storvsc-operation', on(operation(CREATE), set32(0, 15))],
    ['speaks as a host', 'guest-storvsc-operation', on(operation(CREATE), set32(0, 1))],
    ['wants no completion by its flags', 'guest-storvsc-wants', on(operation(EXECUTE), set32(4, 0))],
    ['wants no completion', 'guest-storvsc-wants', on(operation(BEGIN), (sent) => [{ ...sent, wants: false }])],
    ['sends short packets', 'guest-storvsc-size', on(command(INQUIRY), cut(48))],
    ['sends what the host refuses', 'guest-storvsc-accepted', on(operation(CREATE), set32(0, 15))],
    ['uses id 0', 'guest-storvsc-id', on(command(INQUIRY), (sent) => [{ ...sent, low: 0, high: 0 }])],
    ['says a length of another version', 'guest-storvsc-request', on(operation(EXECUTE), set16(AT.body, 36))],
    ['sends a CDB that is too short', 'guest-storvsc-cdb', on(command(READ), set8(AT.cdbLength, 6))],
    ['sends a CDB that is too long', 'guest-storvsc-cdb', on(operation(EXECUTE), set8(AT.cdbLength, 17))],
    ['has no room for sense data', 'guest-storvsc-sense', on(operation(EXECUTE), set8(AT.sense, 0))],
    ['has the room of an older version', 'guest-storvsc-sense', on(operation(EXECUTE), set8(AT.sense, 18))],
    ['sends a direction that there is not', 'guest-storvsc-direction', on(operation(EXECUTE), set8(AT.dataIn, 3))],
    ['moves data in no direction', 'guest-storvsc-direction', on(command(READ), set8(AT.dataIn, 2))],
    ['reads with the flag of a write', 'guest-storvsc-flags', on(command(READ), set32(AT.flags, 0x80))],
    ['gives a range that is too short', 'guest-storvsc-range', on(command(READ), set32(AT.transfer, 2048))],
    ['gives a range that is too long', 'guest-storvsc-range', on(command(READ), set32(AT.transfer, 512))],
    [
      'gives two ranges',
      'guest-storvsc-range',
      on(command(READ), (sent) => [{ ...sent, ranges: [...sent.ranges, ...sent.ranges] }]),
    ],
    [
      'gives a range without data',
      'guest-storvsc-range',
      on(command(READ), both(set32(AT.transfer, 0), set16(AT.cdb + 7, 0))),
    ],
    ['moves more than it may', 'guest-storvsc-most', on(command(READ), set32(AT.transfer, 0x10_0000))],
    ['moves half a block', 'guest-storvsc-blocks', on(command(READ), set8(AT.cdb + 8, 3))],
    ['reads nothing with data', 'guest-storvsc-blocks', on(command(READ), set8(AT.cdb + 8, 0))],
  ],
  devices: () => [
    ['answers nothing', 'host-storvsc-answers', on(completion, never)],
    ['does no command', 'host-storvsc-answers', on(commands(), never)],
    [
      'fails every command',
      'host-storvsc-serves',
      on(commands(), both(set8(AT.srb, 4), set32(AT.status, 0xc000_0185))),
    ],
    ['sends short completions', 'host-storvsc-size', on(commands(), cut(48))],
    [
      'sends long completions',
      'host-storvsc-size',
      on(commands(), (sent) => [{ ...sent, payload: new Uint8Array(72) }]),
    ],
    ['completes with the operation of the request', 'host-storvsc-operation', on(commands(), set32(0, 3))],
    ['refuses to begin', 'host-storvsc-setup', on(nth(0), set32(AT.status, 0xc000_0184))],
    ['refuses its properties', 'host-storvsc-setup', on(nth(2), set32(AT.status, 0xc000_0184))],
    ['refuses to end', 'host-storvsc-setup', on(nth(3), set32(AT.status, 0xc000_0184))],
    ['grants no subchannel', 'host-storvsc-setup', on(nth(4), set32(AT.status, 0xc000_000d))],
    ['refuses a version with another status', 'host-storvsc-version', on(nth(1), set32(AT.status, 0xc000_0001))],
    ['accepts another version', 'host-storvsc-version', on(nth(1), set16(AT.body, 0x0501))],
    ['answers what the driver drops', 'host-storvsc-accepted', on(commands(), cut(16))],
    [
      'offers no subchannel',
      'host-storvsc-subchannels',
      Object.assign(
        on(() => false, never),
        { offers: () => 0 },
      ),
    ],
    ['completes on another channel', 'host-storvsc-channel', elsewhere()],
    ['allows no transfer', 'host-storvsc-properties', on(nth(2), set32(24, 512))],
    ['says that it is no SCSI status', 'host-storvsc-srb', on(commands(), set8(AT.scsi, 0x55))],
    ['leaves a request pending', 'host-storvsc-srb', on(commands(), set8(AT.srb, 0))],
    ['says success and CHECK CONDITION', 'host-storvsc-good', on(commands(), both(set8(AT.srb, 1), set8(AT.scsi, 2)))],
    ['says success and BUSY', 'host-storvsc-good', on(commands(), both(set8(AT.srb, 1), set8(AT.scsi, 8)))],
    [
      'fails the packet of a command that succeeded',
      'host-storvsc-status',
      on(commands(), set32(AT.status, 0xc000_0001)),
    ],
    ['succeeds with the packet of a command that failed', 'host-storvsc-status', on(failed(), set32(AT.status, 0))],
    ['fails without sense data', 'host-storvsc-sense', on(failed(), set8(AT.srb, 6))],
    ['sends sense data of no length', 'host-storvsc-sense', on(failed(), set8(AT.sense, 0))],
    ['sends more sense data than fits', 'host-storvsc-sense', on(failed(), set8(AT.sense, 30))],
    ['sends sense data of a format that there is not', 'host-storvsc-sense', on(failed(), set8(AT.cdb, 0x22))],
    ['sends sense data with GOOD', 'host-storvsc-sense', on(failed(), set8(AT.scsi, 0))],
    ['moves more than was asked for', 'host-storvsc-length', on(commands(), add32(AT.transfer, 0x1_0000))],
    ['reads half', 'host-storvsc-whole', on(moved(), set32(AT.transfer, 512))],
    ['asks to look for units before the end', 'host-storvsc-unsolicited', on(nth(1), before(enumerate(0)))],
    ['asks to look for units under an id', 'host-storvsc-unsolicited', on(nth(SET_UP), before(enumerate(9)))],
    [
      'asks for what there is not',
      'host-storvsc-unsolicited',
      on(nth(SET_UP), before(both(enumerate(0), set32(0, 3)))),
    ],
  ],
})

/** Commands of the subchannel are steps of the set-up. */
const overSubchannel: Edit = (sent, { channel }) =>
  channel.subchannelIndex === 1 && operation(EXECUTE)(sent)
    ? [{ ...sent, payload: Uint8Array.from(sent.payload, (byte, at) => (at === 0 ? QUERY_PROPERTIES : byte)) }]
    : [sent]

/** Completions of the subchannel go over the primary. */
function elsewhere(): Edit {
  let primary: Channel | undefined
  return (sent, { channel }) => {
    if (channel.subchannelIndex === 0) primary = channel
    if (channel.subchannelIndex === 0 || !completion(sent)) return [sent]
    primary?.sendCompletion(sent.payload, sent.low, sent.high)
    return []
  }
}

/** ENUMERATE_BUS under an id. */
function enumerate(low: number): Change {
  return (sent, at) =>
    set32(0, 11)({ ...sent, type: PacketType.inBand, payload: new Uint8Array(64), low, high: 0, wants: false }, at)
}
