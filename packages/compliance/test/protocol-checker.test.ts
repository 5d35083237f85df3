import { MESSAGE_TYPE, VMBUS_SINT } from '@vmbus/hypervisor'
import { MessageId, Version, createHostBus, encode, layouts, type HostBus, type HostBusOptions } from '@vmbus/core'
import { describe, expect, test } from 'vitest'
import { guestChecker, hostChecker } from '../src/hostile/protocol-checker.ts'
import { attackHost } from '../src/index.ts'

type Message = readonly [to: 'host' | 'guest', bytes: Uint8Array]

const bare = (id: (typeof MessageId)[keyof typeof MessageId]): Uint8Array => encode(layouts.bare, id, {})
const contact: Message = ['host', encode(layouts.initiateContact, MessageId.initiateContact, { version: Version.v4_0 })]
const response: Message = ['guest', encode(layouts.versionResponse, MessageId.versionResponse, { supported: 1 })]
const request: Message = ['host', bare(MessageId.requestOffers)]
const offer = (relid: number, subchannelIndex = 0): Message => [
  'guest',
  encode(layouts.offerChannel, MessageId.offerChannel, { relid, subchannelIndex }),
]
const released = (relid: number): Message => ['host', encode(layouts.relidReleased, MessageId.relidReleased, { relid })]

function seen(checker: typeof hostChecker, version: number, ...messages: readonly Message[]): string[] {
  const found: string[] = []
  const watching = checker(
    () => version,
    (text) => void found.push(text),
  )
  for (const [to, bytes] of messages) watching.see({ kind: 'message', to, vp: 0, connection: 1, bytes })
  return found
}

describe('what a host says, before a hostile guest', () => {
  test.each<readonly [string, number, readonly Message[], readonly string[]]>([
    ['a correct one', Version.v4_0, [contact, response, request, offer(1), offer(2, 1), released(1), offer(1)], []],
    ['an answer that nobody asked for', Version.v4_0, [response], ['versionResponse that answers nothing']],
    ['two answers', Version.v4_0, [contact, response, response, request], ['versionResponse that answers nothing']],
    [
      'a release of a relid whose offer waits',
      Version.v4_0,
      [request, released(1), offer(1), offer(1), offer(1)],
      ['relid 1 reused before its release'],
    ],
    ['a relid in use', Version.v4_0, [request, offer(7), offer(7)], ['relid 7 reused before its release']],
    ['an offer unasked', Version.v4_0, [offer(7)], ['relid 7 offered before the request']],
    ['a subchannel first', Version.v4_0, [request, offer(7, 1)], ['a subchannel before its primary']],
    [
      'a message of a later version',
      Version.v4_0,
      [
        ['host', encode(layouts.modifyChannel, MessageId.modifyChannel, { relid: 1 })],
        ['guest', encode(layouts.modifyChannelResponse, MessageId.modifyChannelResponse, { relid: 1 })],
      ],
      ['modifyChannelResponse in version 0x40000'],
    ],
    ['words without a connection', 0, [request, offer(1)], ['offerChannel without a connection']],
    ["a guest's message", Version.v4_0, [['guest', bare(MessageId.requestOffers)]], ['message 3 is not one of a host']],
    ['no message', Version.v4_0, [['guest', new Uint8Array(3)]], ['message -1 is not one of a host']],
    [
      'features that nobody named',
      Version.v6_0,
      [
        ['host', encode(layouts.initiateContactV5, MessageId.initiateContact, { version: Version.v6_0, features: 1 })],
        [
          'guest',
          encode(layouts.versionResponseV6, MessageId.versionResponse, { supported: 1, selected: 4, features: 3 }),
        ],
      ],
      ['features 0x3 of 0x1'],
    ],
  ])('%s', (_, version, messages, expected) => {
    expect(seen(hostChecker, version, ...messages)).toEqual(expected)
  })
})

describe('what a guest says, before a hostile host', () => {
  const unload: Message = ['host', bare(MessageId.unload)]
  test.each<readonly [string, number, readonly Message[], readonly string[]]>([
    ['a correct one', Version.v4_0, [contact, request, released(1), unload, contact, request], []],
    ['words after UNLOAD', Version.v4_0, [unload, released(1)], ['relidReleased after UNLOAD']],
    [
      'a message of a later version',
      Version.v4_0,
      [['host', encode(layouts.modifyChannel, MessageId.modifyChannel, { relid: 1 })]],
      ['modifyChannel in version 0x40000'],
    ],
    ["a host's message", Version.v4_0, [['host', response[1]]], ['message 15 is not one of a guest']],
    ['half a message', Version.v4_0, [['host', request[1].subarray(0, 4)]], ['message -1 is not one of a guest']],
  ])('%s', (_, version, messages, expected) => {
    expect(seen(guestChecker, version, ...messages)).toEqual(expected)
  })
})

describe('an attack finds a host that', () => {
  /** The host bus with one thing of it replaced. */
  const broken =
    (replace: (bus: HostBus, options: HostBusOptions) => Partial<HostBus>) =>
    (options: HostBusOptions): HostBus => {
      const bus = createHostBus(options)
      const other = replace(bus, options)
      return new Proxy(bus, { get: (of, name: keyof HostBus) => other[name] ?? of[name] })
    }
  const found = (replace: Parameters<typeof broken>[0]): string =>
    attackHost({ seed: 3, inputs: 800, create: broken(replace) }).violations.join('\n')

  test('is not what it was before it was saved', () => {
    let saves = 0
    expect(found((bus) => ({ save: () => ({ ...(bus.save() as object), nextKey: 1000 + saves++ }) }))).toContain(
      'restored otherwise than saved',
    )
  })

  test('keeps talking when nobody is connected', () => {
    expect(
      found((bus, { partition }) => ({
        monitor() {
          bus.monitor()
          if (bus.version === 0) partition.postMessage(0, VMBUS_SINT, MESSAGE_TYPE.vmbus, new Uint8Array(8))
        },
      })),
    ).toContain('was written without a connection')
  })

  test('does not let go of its guest', () => {
    expect(found(() => ({ reset: () => {} }))).toMatch(/GPADLs .* outlive|channel \d+ is \w+ still/)
  })
})
