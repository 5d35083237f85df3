import type { StageNet, StageTools } from '../../probes/stage.ts'
import { BYTES_OUT, bytesInto, bytesOf, quoted, type Shell } from './shell.ts'

/** What a real guest's interfaces have waiting: frames to send, and those that came. */
export interface Wire {
  /** Sends what waits, and tells who listens of what has come. */
  pump(): void
  net(name: string): StageNet
}

/** packet(7): AF_PACKET, SOCK_RAW, SOL_PACKET and PACKET_VNET_HDR of Linux. */
const OPEN = `socket(S,17,3,0) or die; $i=unpack("i",substr(do{my $r=pack("a16x16",$ARGV[0]);ioctl(S,0x8933,$r) or die;$r},16,4));`
/** Each frame on the standard input: its length, whether a virtio header precedes it, and itself. */
const SENDER = `${OPEN}binmode STDIN;while(read(STDIN,$h,6)){($n,$v)=unpack("Nn",$h);read(STDIN,$f,$n);setsockopt(S,263,15,pack("i",$v)) or die;bind(S,pack("SnlSCCx8",17,unpack("n",substr($f,12+10*$v,2)),$i,0,0,0)) or die;defined(syswrite(S,$f)) or die}`
/** Each frame that comes, not those that leave (PACKET_OUTGOING, 4), with its length before it, into a file; \`ready\` appears when it listens. */
const RECEIVER = `${OPEN}bind(S,pack("SnlSCCx8",17,3,$i,0,0,0)) or die;open(O,">",$ARGV[1]) or die;binmode O;open(R,">",$ARGV[1].".ready");close R;while(defined($a=recv(S,$f,70000,0))){syswrite(O,pack("N",length $f).$f) if ord(substr($a,10,1))!=4}`

/** virtio_net_hdr: its TCP checksum is to be filled in, and it may be cut into segments (Linux include/uapi/linux/virtio_net.h). */
function virtioHeader(segment: number | undefined): Uint8Array {
  const header = new DataView(new ArrayBuffer(10))
  header.setUint8(0, 1)
  header.setUint8(1, segment === undefined ? 0 : 1)
  header.setUint16(2, 54, true)
  header.setUint16(4, segment ?? 0, true)
  header.setUint16(6, 34, true)
  header.setUint16(8, 16, true)
  return new Uint8Array(header.buffer)
}

function record(frame: Uint8Array, header: Uint8Array | undefined): Uint8Array {
  const length = frame.length + (header?.length ?? 0)
  const bytes = new Uint8Array(6 + length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, length)
  view.setUint16(4, header === undefined ? 0 : 1)
  bytes.set(header ?? [], 6)
  bytes.set(frame, 6 + (header?.length ?? 0))
  return bytes
}

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

interface Listening {
  readonly file: string
  /** Bytes of the file that were told. */
  told: number
  readonly listener: (frame: Uint8Array) => void
}

/** Interfaces of a real kernel: ip, ethtool, ping, and packet sockets of Perl. */
export function wireOf(shell: Shell): Wire {
  const waiting = new Map<string, Uint8Array[]>()
  const listening = new Set<Listening>()
  let files = 0

  function flush(): void {
    for (const [name, frames] of waiting) {
      waiting.delete(name)
      shell.run(`${bytesInto(joined(frames))} | perl -e ${quoted(SENDER)} ${name}`)
    }
  }

  function hear(one: Listening): void {
    const output = shell.run(`tail -c +${one.told + 1} ${one.file} | ${BYTES_OUT}`)
    const bytes = output === undefined ? new Uint8Array(0) : bytesOf(output)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = 0; at + 4 <= bytes.length;) {
      const end = at + 4 + view.getUint32(at)
      if (end > bytes.length) return
      one.told += end - at
      one.listener(bytes.subarray(at + 4, end))
      at = end
    }
  }

  function onFrame(name: string, listener: (frame: Uint8Array) => void): () => void {
    const file = `/tmp/frames.${++files}`
    shell.run(
      `perl -e ${quoted(RECEIVER)} ${name} ${file} >/dev/null 2>&1 & echo $! > ${file}.pid; while [ ! -e ${file}.ready ]; do usleep 1000; done`,
    )
    const one: Listening = { file, told: 0, listener }
    listening.add(one)
    return () => {
      hear(one)
      listening.delete(one)
      shell.run(`kill $(cat ${file}.pid); rm -f ${file} ${file}.*`)
    }
  }

  const wire: Wire = {
    pump() {
      flush()
      for (const one of listening) hear(one)
    },
    net: (name) =>
      interfaceOf(name, shell, {
        flush,
        onFrame: (listener) => onFrame(name, listener),
        send: (frame, header) => void waiting.set(name, [...(waiting.get(name) ?? []), record(frame, header)]),
        vlan(id) {
          const vlan = `${name}.${id}`
          shell.run(`[ -e /sys/class/net/${vlan} ] || ip link add link ${name} name ${vlan} type vlan id ${id}`)
          return wire.net(vlan)
        },
      }),
  }
  return wire
}

interface Packets {
  flush(): void
  send(frame: Uint8Array, header: Uint8Array | undefined): void
  onFrame(listener: (frame: Uint8Array) => void): () => void
  vlan(id: number): StageNet
}

/** IFF_UP (Linux include/uapi/linux/if.h). */
const IFF_UP = 1
/** With which an echo request is waited for. */
const ECHO_SECONDS = 5

interface Facts {
  readonly mac: string
  readonly mtu: number
  readonly flags: number
  readonly carrier: boolean
  readonly address: string
}

function factsOf(name: string, shell: Shell): Facts | undefined {
  const output = shell.look(
    `cd /sys/class/net/${name} 2>/dev/null && { read a < address; read m < mtu; read f < flags; read c < carrier; echo "$a $m $f \${c:-0}"; ip -o -4 addr show dev ${name}; } 2>/dev/null; true`,
  )
  const [first = '', ...others] = output.split('\n')
  if (first === '') return undefined
  const [mac = '', mtu, flags, carrier] = first.split(' ')
  const [, address = ''] = /inet (\S+)/.exec(others.join('\n')) ?? []
  return { mac, mtu: Number(mtu), flags: Number(flags), carrier: carrier === '1', address }
}

function interfaceOf(name: string, shell: Shell, packets: Packets): StageNet {
  const facts = (): Facts => factsOf(name, shell) ?? { mac: '', mtu: 0, flags: 0, carrier: false, address: '' }
  return {
    name,
    get exists() {
      return factsOf(name, shell) !== undefined
    },
    get mac() {
      return facts().mac
    },
    get mtu() {
      return facts().mtu
    },
    get carrier() {
      return facts().carrier
    },
    get isUp() {
      return (facts().flags & IFF_UP) !== 0
    },
    get address() {
      return facts().address
    },
    up: () => void shell.run(`ip link set ${name} up`),
    down: () => void shell.run(`ip link set ${name} down`),
    setMtu(mtu) {
      packets.flush()
      return shell.run(`ip link set ${name} mtu ${mtu}`) !== undefined
    },
    setAddress: (address) => void shell.run(`ip addr flush dev ${name}; ip addr add ${address} brd + dev ${name}`),
    send(frame, { checksum = false, segment } = {}) {
      packets.send(frame, checksum || segment !== undefined ? virtioHeader(segment) : undefined)
      return true
    },
    onFrame: (listener) => packets.onFrame(listener),
    async ping(address, bytes) {
      packets.flush()
      const size = bytes === undefined ? '' : `-s ${bytes}`
      return await Promise.resolve(
        shell.run(`ping -c 1 -W ${ECHO_SECONDS} -I ${name} ${size} ${address} >/dev/null`) !== undefined,
      )
    },
    ...toolsOf(name, shell, packets),
  }
}

/** `ethtool -k` */
const isFeature = (name: string, feature: string, shell: Shell): boolean =>
  new RegExp(`^\\s*${feature}: on`, 'm').test(shell.look(`ethtool -k ${name} 2>/dev/null`))

const toolsOf = (name: string, shell: Shell, packets: Packets): StageTools => ({
  addVlan: (id) => packets.vlan(id),
  get offloads() {
    return {
      checksum: ['tx-checksum-ipv4', 'tx-checksum-ip-generic'].some((each) => isFeature(name, each, shell)),
      packets: Number(shell.look(`cat /sys/class/net/${name}/statistics/tx_packets`)),
    }
  },
  // What the guest's own stack joins is none of the host's.
  coalescing: { set: (on) => shell.run(`ethtool -K ${name} gro off lro ${on ? 'on' : 'off'} 2>&1`) !== undefined },
})
