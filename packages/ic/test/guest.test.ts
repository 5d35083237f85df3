import type { GuestChannel, GuestDriverSpec, HostDeviceSpec } from '@vmbus/core'
import { framingOf, icGuest, icGuestState, type IcGuest, type IcGuestOptions } from '@vmbus/ic'
import { rawComponent, worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES } from '@vmbus/testbench'
import { describe, expect, it } from 'vitest'
import { INTERFACE, hex } from './component.ts'

// A component's driver on the wire: what it answers, byte by byte, typed from wire/06 §1 and §2 and Linux drivers/hv/hv_util.c.

const INSTANCE = '0badc0de-0000-0000-0000-000000000006'
const VERSIONS = { framework: [0x3_0000, 0x1_0000], message: [0x5_0000] }
const STATUS = 0x8007_0057

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')
const packed = (spaced: string): string => spaced.replaceAll(' ', '')

/** A driver of component 7 that answers each request with STATUS. */
function driverOf(options: Partial<IcGuestOptions>) {
  const said: string[] = []
  const made: IcGuest[] = []
  const spec: GuestDriverSpec = {
    kind: 'component',
    interfaceIds: [INTERFACE],
    create(deps) {
      const ic = icGuest(
        deps,
        { versions: VERSIONS, ...options },
        {
          type: 7,
          request({ bodyLength, framework, message }) {
            said.push(`${bodyLength} in ${framework.toString(16)} ${message.toString(16)}`)
            return STATUS
          },
        },
      )
      made.push(ic)
      return {
        ...ic,
        rescinded() {},
        restore: (saved: unknown) => ic.restore(icGuestState(saved, '')),
        inspect: () => ({}),
      }
    },
  }
  return { spec, said, ic: () => made.at(-1) as IcGuest }
}

/** A request of framework 3.0, message 5.0, with a body of four bytes. */
const request = (type: string, size = '0400', status = '00000000', flags = '03', pipe = '01000000'): string =>
  packed(`${pipe} 18000000 03000000 ${type} 05000000 ${size} ${status} 00 ${flags} 0000 2a000000`)
/** A negotiation of one version each, padded to eight bytes. */
const negotiation = (versions: string, counts = '0100 0100', flags = '03', status = '00000000'): string =>
  packed(
    `01000000 24000000 00000000 0000 00000000 1000 ${status} 00 ${flags} 0000 ${counts} 00000000 ${versions} 00000000`,
  )

describe.each(INTERRUPT_MODES)('a driver of a component, interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  const NONE = '01000000 09000000'
  it.each<[string, Partial<IcGuestOptions>, string, string[], string | undefined]>([
    ['a request with its status', {}, request('0700'), [request('0700', '0400', '57000780', '05')], undefined],
    [
      'a request with the host’s status, as FreeBSD’s heartbeat',
      { status: 'echo' },
      request('0700', '0400', '11223344'),
      [request('0700', '0400', '11223344', '05')],
      undefined,
    ],
    [
      'a request for another component with an error',
      {},
      request('0600'),
      [request('0600', '0400', '05400080', '05')],
      'other-component',
    ],
    [
      'a request for another component with itself, as FreeBSD',
      { malformed: 'ignore' },
      request('0600'),
      [request('0600', '0400', '00000000', '05')],
      'other-component',
    ],
    ['another pipe message not at all', {}, request('0700', '0400', '00000000', '03', '02000000'), [], 'message-type'],
    ['what is shorter than its headers not at all', {}, request('0700').slice(0, 48), [], 'message-short'],
    [
      'a negotiation with the versions of both',
      {},
      negotiation('03000000 05000000'),
      [negotiation('03000000 05000000', '0100 0100', '05')],
      undefined,
    ],
    [
      'a negotiation without a common version with none, and the counts where versions stood',
      {},
      negotiation(NONE),
      [negotiation('01000000 01000000', '0000 0000', '05')],
      'negotiation-none',
    ],
    [
      'a negotiation without a common version not at all, as FreeBSD',
      { unmatched: 'silence' },
      negotiation(NONE),
      [],
      'negotiation-none',
    ],
    [
      'a negotiation without a common version with itself and 45, as FreeBSD’s backup',
      { unmatched: 45 },
      negotiation(NONE),
      [negotiation(NONE, '0100 0100', '05', '2d000000')],
      'negotiation-none',
    ],
  ])('answers %s', (_what, options, message, answer, branch) => {
    const answers: Uint8Array[] = []
    const made = world(rawComponent(INTERFACE, INSTANCE, [hex(message)], answers), driverOf(options).spec)
    made.run(1)
    expect(answers.map(text)).toEqual(answer)
    expect(made.diagnostics.map(({ code, detail }) => [code, detail])).toEqual(
      branch === undefined ? [] : [['VMBUS_IC_DROPPED', { branch }]],
    )
  })

  it('hands on no more of a body than is there, nor than is announced, and the versions in force', () => {
    const { spec, said, ic } = driverOf({})
    const messages = ['0200', '0400', 'ffff'].map((size) => hex(request('0700', size)))
    world(rawComponent(INTERFACE, INSTANCE, [hex(negotiation('03000000 05000000')), ...messages]), spec).run(1)
    expect(said).toEqual(['2 in 30000 50000', '4 in 30000 50000', '4 in 30000 50000'])
    expect(ic().state).toEqual({ framework: 0x3_0000, message: 0x5_0000 })
    ic().reset()
    expect(ic().save()).toEqual({ framework: 0, message: 0 })
  })

  it('says when its answer has no room', () => {
    const device = rawComponent(INTERFACE, INSTANCE, [])
    // A host that reads nothing.
    const deaf: HostDeviceSpec = { ...device, create: (deps) => ({ ...device.create(deps), readable() {} }) }
    const { spec, said } = driverOf({ ringPages: 2 })
    const made = world(deaf, spec)
    made.run(1)
    // 16 bytes of descriptor, 32 of message, 8 of trailer: 73 of them in a page, which is never filled to its last byte.
    for (let count = 0; count < 75; count++) {
      expect(made.hostChannel?.sendInBand(hex(request('0700')), 1, 0, false)).toBe(true)
      made.run(1)
    }
    expect(said).toHaveLength(75)
    expect(made.diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'VMBUS_IC_DROPPED no room for an answer',
      'VMBUS_IC_DROPPED no room for an answer',
    ])
  })

  it('says when the host refuses to open, and reads no channel that is closed', () => {
    const device = rawComponent(INTERFACE, INSTANCE, [hex(request('0700'))])
    const refusing: HostDeviceSpec = {
      ...device,
      create: (deps) => ({ ...device.create(deps), open: () => 0xc000_000d }),
    }
    const { spec, said, ic } = driverOf({})
    const made = world(refusing, spec)
    made.run(1)
    const told = made.diagnostics.filter(({ source }) => source === 'ic')
    expect(told.map(({ code, message }) => [code, message])).toEqual([
      ['VMBUS_IC_OPEN', 'host refused to open the channel: 0xc000000d'],
    ])
    const [channel] = made.guestBus.devices[0]?.channels ?? []
    expect(channel?.channel).toBeUndefined()
    ic().readable(channel as GuestChannel)
    expect(said).toEqual([])
  })
})

it('the framing takes of a component’s options those that are given and its own', () => {
  const options = { match: undefined, ringPages: 8, daemon: 'late' } as object
  expect(framingOf(options, VERSIONS)).toStrictEqual({ versions: VERSIONS, ringPages: 8 })
})
