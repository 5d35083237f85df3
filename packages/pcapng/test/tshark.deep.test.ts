import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pcapngWriter, unixTicksOf } from '@vmbus/pcapng'
import { concat, hex } from './bytes.ts'

const found = spawnSync('tshark', ['--version']).status === 0
if (!found) process.stdout.write('pcapng against Wireshark: not run: no tshark\n')

// An ARP request, typed by hand: 02:00:00:00:00:01 asks everybody who has 10.0.0.2.
const ARP = hex(`
  ff ff ff ff ff ff  02 00 00 00 00 01  08 06
  00 01 08 00 06 04 00 01  02 00 00 00 00 01 0a 00 00 01  00 00 00 00 00 00 0a 00 00 02`)

describe.runIf(found)('Wireshark reads our captures', () => {
  let folder = ''
  let file = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vmbus-pcapng-'))
    file = join(folder, 'a.pcapng')
    const chunks: Uint8Array[] = []
    const capture = pcapngWriter({
      write: (chunk) => chunks.push(chunk),
      hardware: 'a virtual switch',
      os: 'none',
      application: 'vmbus',
      comment: 'the whole file',
    })
    const lan = capture.addInterface({
      name: 'lan',
      description: 'a port',
      mac: hex('020000000001'),
      speed: 10_000_000_000,
    })
    const fine = capture.addInterface({ name: 'fine', resolution: 9, snaplen: 20 })
    // 2024-01-01T00:00:01.0000001Z
    capture.packet(lan, {
      time: unixTicksOf(133_485_408_010_000_001n),
      bytes: ARP,
      direction: 'inbound',
      reception: 'broadcast',
      comment: 'who has? ☎',
    })
    capture.packet(fine, { time: 1_704_067_202_000_000_009n, bytes: ARP, direction: 'outbound' })
    capture.statistics(lan, { time: unixTicksOf(133_485_408_030_000_000n), received: 1, dropped: 0 })
    writeFileSync(file, concat(chunks))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('tshark sees time, direction, comment and protocol', () => {
    const fields = [
      'frame.time_epoch',
      'frame.interface_name',
      'frame.packet_flags_direction',
      'frame.comment',
      'frame.len',
      'frame.cap_len',
      'arp.dst.proto_ipv4',
    ]
    const output = execFileSync('tshark', ['-r', file, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
    const [first = [], second = []] = output
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    expect(Number(first[0]?.split('.')[0] ?? first[0])).toBe(1_704_067_201)
    expect(first[0]).toMatch(/\.0000001(00)?$/)
    expect(first.slice(1)).toEqual(['lan', '0x00000001', 'who has? ☎', '42', '42', '10.0.0.2'])
    expect(second[0]).toMatch(/\.000000009$/)
    expect(second.slice(1, 6)).toEqual(['fine', '0x00000002', '', '42', '20'])
  })

  test('capinfos agrees with the counts and the section', () => {
    const output = execFileSync('capinfos', ['-M', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    expect(output).toMatch(/Number of packets:\s+2\n/)
    expect(output).toMatch(/Number of interfaces in file:\s+2\n/)
    expect(output).toMatch(/Capture application:\s+vmbus\n/)
    expect(output).toMatch(/Capture hardware:\s+a virtual switch\n/)
    expect(output).toMatch(/Number of stat entries = 1\n/)
  })
})
