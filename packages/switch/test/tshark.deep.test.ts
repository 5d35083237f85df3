import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { TICKS_PER_SECOND } from '@vmbus/world'
import type { CapturedFrame } from '@vmbus/switch'
import { pair, pattern } from './pair.ts'

const found = spawnSync('tshark', ['--version']).status === 0
if (!found) process.stdout.write('peer traffic against Wireshark: not run: no tshark\n')

/** The classic libpcap format: what every version of Wireshark reads. */
function pcap(frames: readonly CapturedFrame[]): Uint8Array {
  const parts: Buffer[] = [Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')]
  for (const { time, bytes } of frames) {
    const header = Buffer.alloc(16)
    header.writeUInt32LE(Math.floor(time / TICKS_PER_SECOND), 0)
    header.writeUInt32LE(Math.floor((time % TICKS_PER_SECOND) / 10), 4)
    header.writeUInt32LE(bytes.length, 8)
    header.writeUInt32LE(bytes.length, 12)
    parts.push(header, Buffer.from(bytes))
  }
  return Buffer.concat(parts)
}

describe.runIf(found)('Wireshark finds nothing wrong with what the peers say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmbus-switch-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const CHECKS = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`])
  const read = (file: string, filter: string, ...fields: string[]): string[] =>
    execFileSync(
      'tshark',
      ['-r', file, ...CHECKS, '-Y', filter, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    )
      .split('\n')
      .filter((line) => line !== '')

  test.each([0, 0.05])('ARP, ND, ping, UDP and TCP with a loss of %d', (loss) => {
    const frames: CapturedFrame[] = []
    const { a, b, lan, world } = pair({ link: { loss, delay: 10_000 } })
    lan.capture((frame) => {
      if (frame.port === 'a') frames.push({ ...frame, bytes: frame.bytes.slice() })
    })
    a.announce()
    for (const address of ['10.0.0.2', 'fd00::2']) {
      a.ping(address, { payload: pattern(4000, 1) })
      a.udp(1000, () => undefined).close()
      const udp = a.udp(1000, () => undefined)
      udp.send(address, 7, pattern(2000, 1))
      udp.send(address, 7, pattern(20, 1))
      udp.close()
      const data = pattern(200_000, 1)
      let at = 0
      const push = (s: { write(bytes: Uint8Array): number; end(): void }): void => {
        at += s.write(data.subarray(at))
        if (at === data.length) s.end()
      }
      let done = false
      const listener = b.listen(80, {})
      a.connect(
        { address, port: 80 },
        {
          opened: push,
          drained: push,
          closed: () => {
            done = true
          },
        },
      )
      world.runUntil(() => done, world.clock.now() + 600 * TICKS_PER_SECOND)
      listener.close()
    }
    const file = join(folder, `${loss}.pcap`)
    writeFileSync(file, pcap(frames))
    expect(read(file, 'frame', 'frame.number')).toHaveLength(frames.length)
    const bad =
      '_ws.malformed || ip.checksum.status == "Bad" || tcp.checksum.status == "Bad" || udp.checksum.status == "Bad" || icmp.checksum.status == "Bad" || icmpv6.checksum.status == "Bad" || _ws.expert.severity == "Error"'
    expect(read(file, bad, 'frame.number', '_ws.col.Info')).toEqual([])
    if (loss > 0) return
    expect(
      read(
        file,
        'tcp.analysis.retransmission || tcp.analysis.out_of_order || tcp.analysis.lost_segment || tcp.analysis.window_full && tcp.analysis.zero_window',
        'frame.number',
        '_ws.col.Info',
      ),
    ).toEqual([])
    expect(read(file, 'icmp.type == 0', 'data.len')).toEqual(['4000'])
    expect(read(file, 'icmpv6.type == 129', 'data.len')).toEqual(['4000'])
    expect(
      read(file, 'tcp.flags.syn == 1 && tcp.flags.ack == 0', 'tcp.options.mss_val', 'tcp.options.wscale.shift'),
    ).toEqual(['1460\t3', '1440\t3'])
    expect(read(file, 'arp.isgratuitous == 1', 'arp.src.proto_ipv4')).toEqual(['10.0.0.1'])
  })
})
