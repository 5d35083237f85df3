import { checkOptions, plainCopy, restoreState, type StateHead } from '@vmbus/world'
import { PacketType, type Channel, type HostDevice, type HostDeviceDeps } from '@vmbus/core'
import { formatMac, parseMac, type Adapter, type VlanOptions } from '@vmbus/switch'
import { createOutlet, deliver } from './host/deliver.ts'
import { forgetReceiveBuffer, forgetSendBuffer, request, tellSendTable } from './host/negotiation.ts'
import {
  DEFAULT_MAC,
  DEFAULT_MTU,
  DEFAULT_QUEUES,
  DEFAULT_SPEED,
  hostOptions,
  hostSettings,
  instanceOf,
  linkSpeed,
  nameTaken,
  vfSerial,
  type NetvscHostOptions,
  type NetvscSettings,
} from './host/options.ts'
import { createScratch, drain, dropFrames, eachFilled, queueOf } from './host/queue.ts'
import { armRemoval, remove, removeWhenIdle } from './host/removal.ts'
import { indicate, sendControls } from './host/rndis.ts'
import { createSections } from './host/sections.ts'
import {
  isLinkUp,
  isServed,
  noConnection,
  noStatistics,
  violation,
  type HostContext,
  type NetvscHostState,
  type NetvscStatistics,
} from './host/state.ts'
import { createIntake } from './host/transmit.ts'
import { announceVf, setDataPath } from './host/vf.ts'
import { hostForm } from './host/saved.ts'
import { DataPath, NVSP_VERSIONS, nvspVersionName } from './protocol/nvsp.ts'
import { Indication } from './protocol/rndis.ts'

const SPEED_UNIT = 100
/** A channel that was never open leaves a hole in the list. */
const orNull = <T>(queue: T | undefined): T | null => queue ?? null

/** A network adapter as the host sees it. */
export interface NetvscHost extends HostDevice {
  /** NVSP word in force, 0 while there is none. */
  readonly version: number
  readonly linkUp: boolean
  /** The guest has set a packet filter: its interface is up. */
  readonly up: boolean
  /** The address that the guest uses now. */
  readonly mac: string
  readonly dataPath: 'synthetic' | 'vf'
  /** Channels that are open. */
  readonly queues: number
  /** The cable is plugged in: the guest is told. */
  connectLink(): void
  /** The cable is pulled: the guest is told. */
  disconnectLink(): void
  /** Bits per second, as a change that the guest hears of. */
  setSpeed(bitsPerSecond: number): void
  setVlan(vlan: VlanOptions): void
  /** Takes the adapter away as a host does while it is in use: the cable, then what is under way, then the device. */
  remove(): void
  /** A VF with this vPCI serial is there for the guest: it may move its traffic to it. */
  associateVf(serial: number): void
  /** The VF goes: the guest is told, and its traffic is on the synthetic path at once. */
  dissociateVf(): void
  statistics(): NetvscStatistics
}

/** The host end of a synthetic network adapter (VSP) over a port of a switch. Throws OptionsError. */
export function netvscHost(
  options: NetvscHostOptions,
  deps: HostDeviceDeps,
  settings: NetvscSettings = { versions: NVSP_VERSIONS },
): NetvscHost {
  checkOptions('netvsc', hostOptions, options)
  checkOptions('netvsc settings', hostSettings, settings)
  const form = hostForm(settings.versions)
  const { mac = DEFAULT_MAC, vlan, mtu = DEFAULT_MTU, macSpoofing: spoofing = false } = options
  const adapter: Adapter = {
    name: options.name ?? `nic-${mac}`,
    mac,
    config: { vlan, mtu, spoofing },
    accepts: { vlan: true, segment: true },
    machine: deps.memory,
    instanceId: instanceOf(options),
    origin: options,
    isOpen: () => ctx.channels[0]?.isOpen === true,
    receive: (frame) => deliver(ctx, frame),
    gather: () => {
      ctx.batching++
      return endBatch
    },
    linkChanged: (up) => {
      indicate(ctx, up ? Indication.mediaConnect : Indication.mediaDisconnect)
      deps.event('link', up ? 'up' : 'down')
    },
  }
  const slot = options.switch.attach(adapter) ?? nameTaken(options)
  const permanentMac = parseMac(mac)
  const ctx: HostContext = {
    deps,
    options,
    versions: settings.versions,
    port: slot.port,
    permanentMac,
    queueLimit: options.queues ?? DEFAULT_QUEUES,
    connection: noConnection(permanentMac),
    statistics: noStatistics(),
    vfSerial: 0,
    speed: options.speed ?? DEFAULT_SPEED,
    channels: [],
    sections: undefined,
    receiveGrant: undefined,
    sendGrant: undefined,
    scratch: createScratch(),
    intake: createIntake(),
    outlet: createOutlet(),
    batching: 0,
    removeAt: Infinity,
    rescinded: false,
  }
  const endBatch = (): void => {
    ctx.batching--
    if (ctx.batching > 0) return
    sendControls(ctx)
    for (const channel of ctx.channels) if (channel?.isOpen) drain(ctx, channel)
    removeWhenIdle(ctx)
  }

  const completed = (channel: Channel, low: number, high: number): void => {
    const { sections } = ctx
    // Association messages may be completed: OpenVMM asks for it, Linux never does it. And after a revoke nothing is missed.
    if (sections === undefined || high !== 0) return
    if (sections.complete(channel.subchannelIndex, low - 1) === 0)
      violation(channel, 'completion-unasked', `a completion of packet ${low}, which the guest does not have`)
  }

  const takeAll = (channel: Channel): void => {
    channel.cork()
    const queue = queueOf(ctx, channel.subchannelIndex)
    while (queue.completion === null) {
      const packet = channel.receive()
      if (packet === undefined) break
      if (packet.type === PacketType.completion) completed(channel, packet.transactionLow, packet.transactionHigh)
      else request(ctx, channel, packet)
    }
    channel.uncork()
  }

  /** Takes packets while their answers fit; what is left waits for room. */
  const readable = (channel: Channel): void => {
    // Frames that come meanwhile leave together at the end, and so do those that go to others.
    ctx.batching++
    try {
      ctx.port.burst(() => takeAll(channel))
    } finally {
      endBatch()
    }
  }

  const forget = (): void => {
    setDataPath(ctx, DataPath.synthetic)
    forgetReceiveBuffer(ctx)
    forgetSendBuffer(ctx)
    ctx.connection = noConnection(permanentMac)
    ctx.channels = []
  }

  const withdrawVf = (): void => {
    const gone = ctx.vfSerial
    ctx.vfSerial = 0
    setDataPath(ctx, DataPath.synthetic)
    announceVf(ctx, gone)
  }

  const regrant = (): void => {
    const [primary] = ctx.channels
    const { receiveBuffer, sendBuffer } = ctx.connection
    ctx.receiveGrant = receiveBuffer === null ? undefined : primary?.gpadl(receiveBuffer.gpadl)
    ctx.sendGrant = sendBuffer === null ? undefined : primary?.gpadl(sendBuffer.gpadl)
    ctx.sections = receiveBuffer?.sections
      ? createSections(receiveBuffer.sections.size, receiveBuffer.sections.count, receiveBuffer.sections)
      : undefined
  }

  return {
    get version() {
      return ctx.connection.version
    },
    get linkUp() {
      return isLinkUp(ctx)
    },
    get up() {
      return ctx.connection.filter !== 0 && isServed(ctx)
    },
    get mac() {
      return formatMac(ctx.connection.mac)
    },
    get dataPath() {
      return ctx.connection.dataPath === DataPath.vf ? 'vf' : 'synthetic'
    },
    get queues() {
      return ctx.channels.filter((channel) => channel?.isOpen).length
    },
    connectLink: () => ctx.port.setLink(true),
    disconnectLink: () => ctx.port.setLink(false),
    setSpeed(bitsPerSecond) {
      ctx.speed = checkOptions('netvsc.setSpeed', linkSpeed, bitsPerSecond)
      const buffer = new Uint8Array(4)
      new DataView(buffer.buffer).setUint32(0, Math.min(0xffff_ffff, Math.floor(bitsPerSecond / SPEED_UNIT)), true)
      indicate(ctx, Indication.linkSpeedChange, buffer)
    },
    remove: () => remove(ctx),
    setVlan: (vlan) => ctx.port.configure({ vlan }),
    associateVf(serial) {
      checkOptions('netvsc.associateVf', vfSerial, serial)
      if (ctx.vfSerial === serial) return
      // A guest has one VF at a time: the one that it was told of goes first.
      withdrawVf()
      ctx.vfSerial = serial
      announceVf(ctx)
    },
    dissociateVf: withdrawVf,
    statistics: () => ({ ...ctx.statistics }),

    open(channel) {
      const index = channel.subchannelIndex
      if (index === 0) {
        forget()
        slot.take(adapter)
      } else if (index > ctx.connection.subchannels) return STATUS_INVALID
      ctx.channels[index] = channel
      tellSendTable(ctx)
      return 0
    },
    readable,
    writable(channel) {
      // Room for what waited, then for what was not taken because of it.
      if (drain(ctx, channel)) readable(channel)
    },
    close(channel) {
      const index = channel.subchannelIndex
      if (ctx.channels[index] !== channel) return
      ctx.channels[index] = undefined
      if (index === 0) {
        forget()
        return removeWhenIdle(ctx)
      }
      ctx.sections?.reclaim(index)
      const queue = ctx.connection.queues[index]
      if (queue) eachFilled(queue, (section) => ctx.sections?.drop(section))
      ctx.connection.queues[index] = null
      ctx.connection.tableTold = false
    },
    gpadlGone(_channel, gpadl) {
      if (ctx.connection.receiveBuffer?.gpadl === gpadl) forgetReceiveBuffer(ctx)
      if (ctx.connection.sendBuffer?.gpadl === gpadl) forgetSendBuffer(ctx)
    },
    timer(name) {
      if (name === 'remove' && !ctx.rescinded) deps.rescind()
    },
    rescinded() {
      ctx.rescinded = true
      slot.release(adapter)
      dropFrames(ctx)
    },
    save(): NetvscHostState & StateHead {
      const { connection, statistics, vfSerial, speed, sections, removeAt, rescinded } = ctx
      const receiveBuffer = connection.receiveBuffer && {
        ...connection.receiveBuffer,
        sections: sections?.save() ?? null,
      }
      return {
        ...form.head,
        connection: plainCopy({ ...connection, receiveBuffer, queues: Array.from(connection.queues, orNull) }),
        statistics: { ...statistics },
        vfSerial,
        speed,
        removeAt,
        rescinded,
      }
    },
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { connection, statistics, ...rest } = restoreState(saved, form)
      Object.assign(ctx, { connection, statistics, vfSerial: rest.vfSerial, speed: rest.speed })
      ctx.rescinded = rest.rescinded
      ctx.removeAt = rest.removeAt
      armRemoval(ctx)
      ctx.channels = []
      for (const channel of channels) ctx.channels[channel.subchannelIndex] = channel
      if (!ctx.rescinded) slot.take(adapter)
      regrant()
    },
    inspect() {
      const { connection, sections, statistics } = ctx
      return {
        version: connection.version === 0 ? null : nvspVersionName(connection.version),
        initialized: connection.initialized,
        filter: this.up ? connection.filter : 0,
        frameBytes: connection.frameBytes,
        queues: this.queues,
        dataPath: this.dataPath,
        linkUp: this.linkUp,
        freeSections: sections?.free ?? 0,
        offload: plainCopy(connection.offload),
        rss: connection.rss.enabled,
        ...statistics,
      }
    },
  }
}

/** STATUS_INVALID_PARAMETER. */
const STATUS_INVALID = 0xc000_000d
