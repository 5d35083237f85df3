import type {
  Channel,
  GuestChannel,
  GuestDriver,
  GuestDriverSpec,
  HostDevice,
  HostDeviceSpec,
  Packet,
} from '@vmbus/core'

/** Stands between one end of a device and its channels. */
export interface Interposer {
  /** A channel was opened anew: nothing of before is under way on it. */
  opened(subchannelIndex: number): void
  /** Each packet that the end takes; it reads what is returned, or the next one. */
  received(packet: Packet, subchannelIndex: number): Packet | undefined
  /** Nothing waits: a packet of the attacker's, or none. */
  forged(subchannelIndex: number): Packet | undefined
  /** The end completes a packet. */
  completed(payload: Uint8Array, low: number, high: number, subchannelIndex: number): void
  /** The end sends an in-band packet. */
  said(payload: Uint8Array, subchannelIndex: number): void
}

/** The end as an attack sees it. */
export interface Interposed<Spec> {
  readonly spec: Spec
  /** The state of the end that was created last, as it shows it. */
  inspect(): Record<string, unknown>
  /** Channels of that end that are open. */
  readonly open: readonly number[]
  /** Calls the end as for a signal of its peer; false without such a channel. */
  invokeReadable(subchannelIndex: number): boolean
}

/**
 * A channel under an interposer. A class, not an object over the channel: whatever has been another's prototype has a hidden
 * class of its own, by which each access to it is looked up anew.
 */
class Overlaid implements Channel {
  readonly offer: Channel['offer']
  readonly subchannelIndex: number
  readonly userData: Uint8Array
  private readonly inner: Channel
  private readonly interposer: Interposer

  constructor(inner: Channel, interposer: Interposer) {
    this.offer = inner.offer
    this.subchannelIndex = inner.subchannelIndex
    this.userData = inner.userData
    this.inner = inner
    this.interposer = interposer
  }

  get targetVp(): number {
    return this.inner.targetVp
  }
  get isOpen(): boolean {
    return this.inner.isOpen
  }
  get readable(): boolean {
    return this.inner.readable
  }
  get writableBytes(): number {
    return this.inner.writableBytes
  }

  receive(): Packet | undefined {
    const { inner, interposer, subchannelIndex } = this
    for (let packet = inner.receive(); packet !== undefined; packet = inner.receive()) {
      const read = interposer.received(packet, subchannelIndex)
      if (read !== undefined) return read
    }
    return inner.isOpen ? interposer.forged(subchannelIndex) : undefined
  }
  sendCompletion(payload: Uint8Array, low: number, high: number): boolean {
    const sent = this.inner.sendCompletion(payload, low, high)
    if (sent) this.interposer.completed(payload, low, high, this.subchannelIndex)
    return sent
  }
  sendInBand(payload: Uint8Array, low: number, high: number, wantCompletion: boolean): boolean {
    const sent = this.inner.sendInBand(payload, low, high, wantCompletion)
    if (sent) this.interposer.said(payload, this.subchannelIndex)
    return sent
  }
  sendGpaDirect(...packet: Parameters<Channel['sendGpaDirect']>): boolean {
    return this.inner.sendGpaDirect(...packet)
  }
  sendTransferPages(...packet: Parameters<Channel['sendTransferPages']>): boolean {
    return this.inner.sendTransferPages(...packet)
  }
  cork(): void {
    this.inner.cork()
  }
  uncork(): void {
    this.inner.uncork()
  }
  wantWritable(bytes: number): void {
    this.inner.wantWritable(bytes)
  }
  mask(masked: boolean): void {
    this.inner.mask(masked)
  }
  gpadl(id: number): ReturnType<Channel['gpadl']> {
    return this.inner.gpadl(id)
  }
  fail(code: string, message: string, branch?: string): void {
    this.inner.fail(code, message, branch)
  }
  inspect(): Record<string, unknown> {
    return this.inner.inspect()
  }
}

/** The same channel for each of its owner's calls. */
function overlays(interposer: Interposer): (channel: Channel) => Channel {
  const all = new WeakMap<Channel, Channel>()
  return (channel) => {
    const known = all.get(channel)
    if (known !== undefined) return known
    const made = new Overlaid(channel, interposer)
    all.set(channel, made)
    return made
  }
}

export function interposedHost(spec: HostDeviceSpec, interposer: Interposer): Interposed<HostDeviceSpec> {
  const over = overlays(interposer)
  const open = new Map<number, Channel>()
  let inner: HostDevice | undefined
  const wrap = (device: HostDevice): HostDevice => {
    inner = device
    open.clear()
    return Object.assign(Object.create(device) as HostDevice, {
      open(channel: Channel): number {
        interposer.opened(channel.subchannelIndex)
        const mine = over(channel)
        // A device may send at once.
        open.set(channel.subchannelIndex, mine)
        const status = device.open(mine)
        if (status !== 0) open.delete(channel.subchannelIndex)
        return status
      },
      readable: (channel: Channel) => device.readable(over(channel)),
      writable: (channel: Channel) => device.writable?.(over(channel)),
      close(channel: Channel) {
        open.delete(channel.subchannelIndex)
        device.close(over(channel))
      },
      gpadlGone: (channel: Channel, gpadl: number) => device.gpadlGone?.(over(channel), gpadl),
      restore(state: unknown, channels: readonly Channel[]) {
        open.clear()
        for (const channel of channels) open.set(channel.subchannelIndex, over(channel))
        device.restore(state, [...open.values()])
      },
    })
  }
  return {
    spec: { ...spec, create: (deps, settings) => wrap(spec.create(deps, settings)) },
    inspect: () => inner?.inspect() ?? {},
    get open() {
      const indices: number[] = []
      for (const [index, channel] of open) if (channel.isOpen) indices.push(index)
      return indices
    },
    invokeReadable(index) {
      const channel = open.get(index)
      if (channel?.isOpen !== true) return false
      inner?.readable(channel)
      return true
    },
  }
}

export function interposedGuest(spec: GuestDriverSpec, interposer: Interposer): Interposed<GuestDriverSpec> {
  const over = overlays(interposer)
  const handles = new WeakMap<GuestChannel, GuestChannel>()
  const known = new Map<number, GuestChannel>()
  let inner: GuestDriver | undefined
  const mine = (handle: GuestChannel): GuestChannel => {
    let made = handles.get(handle)
    if (made === undefined) {
      made = Object.create(handle, {
        channel: {
          get: () => (handle.channel === undefined ? undefined : over(handle.channel)),
        },
      }) as GuestChannel
      handles.set(handle, made)
    }
    known.set(handle.offer.subchannelIndex, made)
    return made
  }
  const wrap = (driver: GuestDriver): GuestDriver => {
    inner = driver
    known.clear()
    return Object.assign(Object.create(driver) as GuestDriver, {
      offered: (channel: GuestChannel) => driver.offered(mine(channel)),
      opened(channel: GuestChannel, status: number) {
        interposer.opened(channel.offer.subchannelIndex)
        driver.opened(mine(channel), status)
      },
      readable: (channel: GuestChannel) => driver.readable(mine(channel)),
      writable: (channel: GuestChannel) => driver.writable?.(mine(channel)),
      gpadlCreated: (channel: GuestChannel, id: number, status: number) =>
        driver.gpadlCreated?.(mine(channel), id, status),
      gpadlTorndown: (channel: GuestChannel, id: number) => driver.gpadlTorndown?.(mine(channel), id),
      closed: (channel: GuestChannel) => driver.closed?.(mine(channel)),
      modified: (channel: GuestChannel, status: number) => driver.modified?.(mine(channel), status),
      rescinded: (channel: GuestChannel) => driver.rescinded(mine(channel)),
      restore(state: unknown, channels: readonly GuestChannel[]) {
        known.clear()
        driver.restore(state, channels.map(mine))
      },
    })
  }
  const isOpen = (handle: GuestChannel): boolean => handle.state === 'open' && handle.channel?.isOpen === true
  return {
    spec: { ...spec, create: (deps) => wrap(spec.create(deps)) },
    inspect: () => inner?.inspect() ?? {},
    get open() {
      const indices: number[] = []
      for (const [index, handle] of known) if (isOpen(handle)) indices.push(index)
      return indices
    },
    invokeReadable(index) {
      const handle = known.get(index)
      if (handle === undefined || !isOpen(handle)) return false
      inner?.readable(handle)
      return true
    },
  }
}
