import { icVersion } from '@vmbus/ic'
import { kvp, memoryPools, type KvpHost } from '@vmbus/kvp'
import {
  KVP_INSTANCE,
  KVP_INTERFACE,
  ipv6Text,
  parseIpv4,
  parseIpv6,
  readUtf16,
  readUtf8,
  utf8z,
} from '@vmbus/kvp/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))
  const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')
  const padded = (start: string, length: number): Uint8Array => {
    const bytes = new Uint8Array(length)
    bytes.set(bytesOf(start))
    return bytes
  }
  /** Sets little-endian words in a body. */
  const at = (body: Uint8Array, offset: number, start: string): Uint8Array => {
    body.set(bytesOf(start), offset)
    return body
  }

  // Typed from wire/06 §1 and §6: header of 28, framework 3.0, type 2, flags 3; body of 2580 or 7428 in full.
  const HEADER = (version: string, size: string, pipe: string, status = '00000000', flags = '03'): string =>
    `01000000 ${pipe} 03000000 0200 ${version} ${size} ${status} 00 ${flags} 0000`
  const PLAIN = HEADER('04000000', '140a', '280a0000')
  const IP4 = HEADER('04000000', '041d', '181d0000')
  const IP5 = HEADER('05000000', '041d', '181d0000')

  const FOUR = { framework: [icVersion(3, 0)], message: [icVersion(4, 0)] }
  const FIVE = { framework: [icVersion(3, 0)], message: [icVersion(5, 0)] }

  /** Length and bytes of a message without the zeros that end it: long bodies are mostly room. */
  const shown = (bytes: Uint8Array | undefined): string => `${bytes?.length}: ${hex(bytes).replace(/(?:00)+$/, '')}`
  const message = (header: string, body: Uint8Array): string => {
    const bytes = new Uint8Array((28 + body.length + 7) & ~7)
    bytes.set(bytesOf(header))
    bytes.set(body, 28)
    return shown(bytes)
  }

  /** What the host put on the wire for one call, after negotiation. */
  function sent(call: (host: KvpHost) => unknown, settings: unknown = FOUR): Uint8Array | undefined {
    const made = world(kvp({}), kvp.driver({ pools: memoryPools() }), settings)
    made.run(1)
    const before = made.messages.length
    call(made.handle.device)
    made.run(1)
    return made.messages.slice(before).find(({ to }) => to === 'guest')?.bytes
  }

  describe('what the host sends', () => {
    it('first the versions of its default: framework 1.0 and 3.0, message 1.0, 3.0, 4.0 and 5.0', () => {
      const made = world(kvp({}), kvp.driver({ pools: memoryPools() }))
      made.run(1)
      // 20 bytes of header and 8 + 6 * 4 of body are the pipe's 52.
      const versions = '01000000 03000000 01000000 03000000 04000000 05000000'
      expect(hex(made.messages[0]?.bytes)).toBe(
        hex(
          bytesOf(
            `01000000 34000000 00000000 0000 00000000 2000 00000000 00 03 0000 0200 0400 00000000 ${versions} 00000000`,
          ),
        ),
      )
    })
    it('SET: type, sizes with their NUL, key and value in UTF-16', () => {
      const body = at(at(padded('01 00 0000 01000000 06000000 04000000', 2580), 16, '6b 00 e4 00'), 528, 'ac 20')
      expect(shown(sent((host) => host.set({ key: 'kä', value: '€' })))).toBe(message(PLAIN, body))
    })
    it('SET of numbers: DWORD 4 in four bytes, QWORD 11 in eight', () => {
      const dword = at(at(padded('01 03 0000 04000000 04000000 04000000', 2580), 16, '6b00'), 528, '01020304')
      expect(
        shown(sent((host) => host.set({ pool: 'auto-external', key: 'k', value: '67305985', type: 'dword' }))),
      ).toBe(message(PLAIN, dword))
      const qword = at(at(padded('01 00 0000 0b000000 04000000 08000000', 2580), 16, '6b00'), 528, '0102030405060708')
      expect(shown(sent((host) => host.set({ key: 'k', value: '578437695752307201', type: 'qword' })))).toBe(
        message(PLAIN, qword),
      )
    })
    it('DELETE: size and key right after the header', () => {
      const body = at(padded('02 00 0000 06000000', 2580), 8, '6b00 6500')
      expect(shown(sent((host) => host.delete({ key: 'ke' })))).toBe(message(PLAIN, body))
    })
    it('GET: key at the place of SET’s', () => {
      const body = at(padded('00 01 0000 00000000 04000000 00000000', 2580), 16, '6b00')
      expect(shown(sent((host) => host.get({ key: 'k' })))).toBe(message(PLAIN, body))
    })
    it('ENUMERATE: index', () => {
      expect(shown(sent((host) => host.enumerate({ pool: 'auto' })))).toBe(message(PLAIN, padded('03 02', 2580)))
    })
    it('GET_IP_INFO: text form at 2, adapter and family alone', () => {
      const body = at(at(padded('04 00', 7428), 2, '7b 00 61 00 7d 00'), 2 + 256, '03')
      expect(shown(sent((host) => host.getIp({ adapterId: '{a}', family: 'both' })))).toBe(message(IP4, body))
    })
    it('SET_IP_INFO: text lists with semicolons', () => {
      const body = padded('05 00', 7428)
      at(body, 2, '7b 00 61 00 7d 00')
      at(body, 2 + 256, '01 01')
      at(body, 2 + 258, '31 00 2e 00 31 00 3b 00 32 00')
      at(body, 2 + 2306, '33 00')
      at(body, 2 + 4354, '34 00')
      at(body, 2 + 5378, '35 00')
      const info = {
        adapterId: '{a}',
        family: 'ipv4',
        dhcp: true,
        addresses: ['1.1', '2'],
        subnets: ['3'],
        gateways: ['4'],
        dns: ['5'],
      } as const
      expect(shown(sent((host) => host.setIp(info)))).toBe(message(IP4, body))
    })
    it('SET_IP_INFO: binary form at 4 from version 5.0', () => {
      const body = padded('05 00 0000 01000000 01000000 01000000 00000000 00000000 01000000', 7428)
      at(body, 4 + 24, '7b 00 61 00 7d 00')
      at(body, 4 + 280, '03 00')
      at(body, 4 + 284, '0a000005')
      at(body, 4 + 540, 'fe80 0000 0000 0000 0000 0000 0000 0001')
      at(body, 4 + 1564, 'ffffff00')
      at(body, 4 + 1820, '40000000')
      at(body, 4 + 2076, '0a000001')
      at(body, 4 + 2432, '20010db8 0000 0000 0000 0000 0000 0053')
      at(body, 4 + 3456, '0200 0100')
      const info = {
        adapterId: '{a}',
        family: 'both',
        dhcp: false,
        addresses: ['10.0.0.5', 'fe80::1'],
        subnets: ['255.255.255.0', '64'],
        gateways: ['10.0.0.1'],
        dns: ['2001:db8::53'],
        origins: ['static', 'other'],
      } as const
      expect(shown(sent((host) => host.setIp(info), FIVE))).toBe(message(IP5, body))
    })
  })

  describe('what the guest answers', () => {
    it('in place: status, flags and the value found', () => {
      const answers: Uint8Array[] = []
      const request = requestOf(2, icVersion(4, 0), padded('03 00', 2580))
      const nego = requestOf(0, 0, bytesOf('0100 0100 00000000 03000000 04000000'))
      const pools = memoryPools({ external: [{ key: 'k', value: 'v' }] })
      world(rawComponent(KVP_INTERFACE, KVP_INSTANCE, [nego, request], answers), kvp.driver({ pools })).run(1)
      const body = at(at(padded('03 00 0000 00000000 01000000 04000000 04000000', 2580), 20, '6b00'), 532, '7600')
      expect(hex(answers[1])).toBe(hex(bytesOf(HEADER('04000000', '140a', '280a0000', '00000000', '05'))) + hex(body))
    })
  })

  describe('text and addresses', () => {
    it.each([
      [6, '6100 ac20 6300', 'a€c'],
      [5, '6100 ac20 6300', 'a€'],
      [4, '6100 ac20 6300', 'a€'],
      [1, '6100 ac20 6300', ''],
      [6, '6100 0000 6300', 'a'],
    ])('UTF-16 of at most %i bytes of %s is read up to its NUL or its last whole unit', (length, bytes, text) => {
      expect(readUtf16(new DataView(bytesOf(bytes).buffer), 0, length)).toBe(text)
    })

    it('UTF-8 is what the platform makes of it, for any text and any bytes', () => {
      fc.assert(
        fc.property(
          fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit === 0 ? 1 : unit)) }),
          (text) => {
            expect(hex(utf8z(text))).toBe(`${Buffer.from(text).toString('hex')}00`)
          },
        ),
        { seed: 1, numRuns: 300 },
      )
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
          const zero = bytes.indexOf(0)
          expect(readUtf8(bytes, 0, 99)).toBe(
            new TextDecoder('utf-8', { ignoreBOM: true }).decode(zero < 0 ? bytes : bytes.subarray(0, zero)),
          )
        }),
        { seed: 2, numRuns: 1000 },
      )
    })
    // RFC 3629 section 7, and the last of each length.
    it.each([
      ['A≢Α.', '41e289a2ce912e'],
      ['\u{233b4}', 'f0a38eb4'],
      ['\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}', '7fc280dfbfe0a080efbfbff0908080f48fbfbf'],
    ])('UTF-8 of %s', (text, bytes) => {
      expect(hex(utf8z(text))).toBe(`${bytes}00`)
      expect(readUtf8(bytesOf(`${bytes}00`), 0, 99)).toBe(text)
    })
    it('IPv6 in the forms of RFC 4291 and RFC 5952', () => {
      for (const [text, expected] of [
        ['::', '00000000000000000000000000000000'],
        ['::1', '00000000000000000000000000000001'],
        ['2001:DB8:0:0:8:800:200C:417A', '20010db80000000000080800200c417a'],
        ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
        ['ff01::101', 'ff010000000000000000000000000101'],
        ['::ffff:129.144.52.38', '00000000000000000000ffff81903426'],
        ['1::', '00010000000000000000000000000000'],
      ] as const)
        expect([text, hex(parseIpv6(text))]).toEqual([text, expected])
      for (const text of [
        '',
        ':',
        ':::',
        '1:2:3:4:5:6:7',
        '1:2:3:4:5:6:7:8:9',
        '1::2::3',
        '12345::',
        'g::',
        '::1.2.3',
        '1:2:3:4:5:6:7::8',
      ])
        expect([text, parseIpv6(text)]).toEqual([text, undefined])
      expect(ipv6Text(bytesOf('20010db8000000010000000000000001'))).toBe('2001:db8:0:1::1')
      expect(ipv6Text(bytesOf('20010db8000000000001000000000001'))).toBe('2001:db8::1:0:0:1')
      expect(ipv6Text(bytesOf('00010002000300000005000600070008'))).toBe('1:2:3:0:5:6:7:8')
      for (const text of ['1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', '1.2.3.'])
        expect([text, parseIpv4(text)]).toEqual([text, undefined])
    })
  })
})
