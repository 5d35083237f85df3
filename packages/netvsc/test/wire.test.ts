import { expect, test } from 'vitest'
import { NVSP_VERSIONS } from '../src/protocol/index.ts'
import { connected } from './world.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/**
 * What a real Debian 12 kernel (6.1, one processor) and this host say until the packet filter: type and payload of each
 * packet, recorded from the kernel; for GPA-direct and transfer page packets also the bytes of the RNDIS message.
 */
const DEBIAN_12: readonly (readonly [
  to: 'host' | 'guest',
  type: number,
  payload: string,
  rndisBytes?: number | undefined,
])[] = [
  ['host', 6, `0100000001000600${'01000600'}`],
  ['guest', 11, '02000000ffffffff2200000001000000'],
  ['host', 6, '7d000000ea05000000000000ac000000'],
  ['host', 6, '64000000060000001e000000'],
  ['host', 6, '65000000(gpadl)feca'],
  ['guest', 11, '660000000100000001000000000000001007'],
  ['host', 6, '68000000(gpadl)'],
  ['guest', 11, '690000000100000000180000'],
  ...[24, 28, 28, 28, 184, 56, 28, 28, 46, 32].flatMap((request, index) => [
    ['host', 9, '6b00000001000000ffffffff00000000', request] as const,
    ['guest', 11, '6c00000001000000'] as const,
    ['guest', 7, '6b00000001000000ffffffff00000000', [52, 28, 30, 536, 180, 16, 28, 28, 42, 16][index]] as const,
    // Once it has set its offloads it hears what is on.
    ...(index === 5 ? [['guest', 7, '6b00000001000000ffffffff00000000', 176] as const] : []),
    ['host', 11, '6c00000001000000'] as const,
    ...(index === 5 ? [['host', 11, '6c00000001000000'] as const] : []),
  ]),
]

test('the driver says what a real kernel says until the packet filter, and so does the host', () => {
  const world = connected({ vps: 1 })
  expect(world.driver.up).toBe(true)
  const packets = world.trace.filter((event) => event.kind === 'packet')
  const spoken = packets.map(({ to, bytes }) => {
    const view = new DataView(bytes.buffer)
    const type = view.getUint16(0, true)
    const payload = hex(bytes.subarray(view.getUint16(2, true) * 8))
    return { to, type, payload, count: type === 9 || type === 7 ? view.getUint32(24, true) : undefined }
  })
  expect(spoken).toHaveLength(DEBIAN_12.length)
  for (const [index, [to, type, payload, count]] of DEBIAN_12.entries()) {
    const said = spoken[index]
    const start = payload.indexOf('(')
    const known = start < 0 ? payload : payload.slice(0, start)
    expect([said?.to, said?.type, said?.payload.slice(0, known.length), said?.count]).toEqual([to, type, known, count])
  }
})

test('messages are padded as hosts and guests do: 40 bytes from Linux, 32 below 6.1 from the host, 8 for a completion', () => {
  for (const version of NVSP_VERSIONS) {
    const world = connected({ vps: 1, settings: { versions: [version] } })
    for (const { to, bytes } of world.trace.filter((event) => event.kind === 'packet')) {
      const view = new DataView(bytes.buffer)
      const type = view.getUint16(0, true)
      const payload = bytes.length - view.getUint16(2, true) * 8
      const first = bytes[view.getUint16(2, true) * 8]
      if (to === 'host') expect(payload).toBe(type === 11 ? 8 : 40)
      else if (first === 2) expect(payload).toBe(32)
      else expect(payload).toBe(version === 0x6_0001 ? 40 : 32)
    }
  }
})

test('INIT_COMPLETE refuses with status 0 what the host does not speak, and the guest asks for less', () => {
  const world = connected({ vps: 1, settings: { versions: [2, 0x3_0002] } })
  const inits = world.trace.flatMap((event) =>
    event.kind === 'packet' && event.bytes[0] === 11 && event.bytes[16] === 2
      ? [hex(event.bytes.subarray(16, 32))]
      : [],
  )
  expect(inits).toEqual([
    ...Array.from({ length: 4 }, () => '02000000ffffffff2200000000000000'),
    '02000000ffffffff2200000001000000',
  ])
  expect(world.driver.version).toBe(0x3_0002)
})
