import type { Guest } from '@vmbus/machine-v86'
import type { Kernel } from '../../real-guest.ts'
import type { Scenario } from '../scenario.ts'

/** Payload bytes of the two echo requests: a small one, and the largest in one frame. */
const ECHOES = { small: 56, large: 1472 }
/** Longer than any exchange takes, shorter than the kernel's own timers, such as the five seconds until it asks a neighbour again. */
const QUIET = 0.2

const KERNELS: readonly Kernel[] = [
  { release: 'debian-11', flavour: '686' },
  { release: 'debian-12', flavour: '686-pae' },
]

const common = {
  kernels: KERNELS,
  modules: ['hv_vmbus', 'hv_netvsc'],
  devices: { netvsc: {} },
} satisfies Partial<Scenario>

async function run(guest: Guest, command: string): Promise<void> {
  const { status, output } = await guest.exec(command)
  if (status !== 0) throw new Error(`${command}: ${output}`)
}

/** IPv4 alone: an interface that comes up says nothing of itself then. */
const up = (guest: Guest): Promise<void> =>
  run(
    guest,
    'echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip addr add 10.0.0.2/24 dev eth0 && ip link set eth0 up && until grep -q 1 /sys/class/net/eth0/carrier; do sleep 0.1; done',
  )

/** An adapter: set up, an address, ARP and echo requests, the cable pulled and plugged, the adapter taken away. */
export const netvsc: Scenario = {
  ...common,
  name: 'netvsc',
  facts: ECHOES,
  async play(guest) {
    await up(guest)
    await guest.run(QUIET)
    for (const bytes of Object.values(ECHOES)) {
      await guest.call('netvsc.echo', bytes)
      await guest.run(QUIET)
    }
    for (const isUp of [false, true]) {
      await guest.call('netvsc.link', isUp)
      await guest.run(QUIET)
    }
    await guest.call('netvsc.remove')
    await run(guest, 'while [ -e /sys/class/net/eth0 ]; do sleep 0.1; done')
    await guest.run(QUIET)
    return 'removed'
  },
}

/** The interface goes down, and then the driver leaves. */
export const netvscUnload: Scenario = {
  ...common,
  name: 'netvsc-unload',
  // One for each order of steps, size of a message and set of requests.
  hosts: ['ws2008r2', 'ws2012', 'ws2012r2', 'ws2016', 'ws2022'],
  async play(guest) {
    await up(guest)
    await guest.run(QUIET)
    await run(guest, 'ip link set eth0 down && rmmod hv_netvsc')
    await guest.run(QUIET)
    return 'unloaded'
  },
}
