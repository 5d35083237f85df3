import type { IpInfo } from '@vmbus/kvp'
import type { Guest } from '@vmbus/machine-v86'

export const KERNELS = [
  { release: 'debian-11', flavour: '686' },
  { release: 'debian-12', flavour: '686' },
] as const
export type Kernel = (typeof KERNELS)[number]

/** Instance of the adapter, in lower case and braces: Linux's daemon compares text. */
export const ADAPTER = '{f8615163-0000-1000-2000-00155d000001}'

/** An address for it. */
export const INFO: IpInfo = {
  adapterId: ADAPTER,
  family: 'ipv4',
  dhcp: false,
  addresses: ['10.0.0.77'],
  subnets: ['255.255.255.0'],
  gateways: [],
  dns: [],
}

export type Daemon = 'kvp' | 'vss' | 'fcopy'

/** Starts Debian's daemons in the foreground mode of their units, and gives them time to register. */
export async function daemons(guest: Guest, ...names: readonly Daemon[]): Promise<void> {
  const start = names.map((name) => `(hv_${name}_daemon -n >/tmp/${name}.log 2>&1 &)`).join('; ')
  await guest.exec(`mkdir -p /var/lib/hyperv; ${start}; sleep 1`)
}

/** Asks a device for something and waits for the event that ends it. */
export async function ended<T>(guest: Guest, action: string, argument: unknown, seconds = 100): Promise<T> {
  const kind = action.slice(0, action.indexOf('.'))
  const id = await guest.call(action, argument)
  if (typeof id !== 'number') throw new Error(`${action} was not taken: ${String(id)}`)
  return result<T>(guest, kind, id, seconds)
}

export async function result<T>(guest: Guest, kind: string, id: number, seconds = 100): Promise<T> {
  const name = `${kind}:${kind === 'vss' ? 'backup' : 'completed'}`
  for (;;) {
    const event = guest.events.find((each) => each.name === name && (each.detail as { id: number }).id === id)
    if (event !== undefined) return event.detail as T
    await guest.until(`event:${name}`, { seconds })
  }
}

export const sha256 = async (guest: Guest, path: string): Promise<string> =>
  (await guest.exec(`sha256sum '${path}'`)).output.split(' ')[0] ?? ''
