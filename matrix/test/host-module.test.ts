import type { Host } from '@vmbus/host'
import type { HostMachine } from '@vmbus/machine-v86'
import type { TraceEvent } from '@vmbus/world'
import { expect, it } from 'vitest'
import { figuresOf } from '../src/real/figures.ts'
import { host } from '../src/real/host-module.ts'
import { realDevices } from '../src/real/registry.ts'

it.each([
  [{ profile: 'ws1999' }, /^VMBUS_OPTIONS_INVALID: host\.profile is .*ws1999/],
  [{ profile: 'ws2022', traceFiles: 'x' }, /host\.traceFiles/],
  [{ profile: 'ws2022', transcriptBytes: Number.NaN }, /host\.transcriptBytes is NaN/],
])('options of a real host are looked at before anything is made: %o', (options, message) => {
  // Nothing of the machine is touched.
  expect(() => host({} as HostMachine, options)).toThrow(message)
})

it.each([
  ['vss', { hold: 'yes' }, /vss\.hold is "yes"/],
  ['storvsc', { disks: [{ path: 'x' }] }, /storvsc\.disks\[0\]/],
  ['storvsc', { disk: [] }, /storvsc\.disk/],
  ['netvsc', { mac: 5 }, /netvsc\.mac is 5/],
  ['netvsc', { queues: Number.NaN }, /netvsc\.queues is NaN/],
])('so are those of a device: %s %o', (kind, options, message) => {
  const factory = realDevices[kind]
  expect(() => factory?.({} as Host, options, {} as HostMachine, new Map())).toThrow(message)
})

const message = (type: number): TraceEvent => ({
  kind: 'message',
  to: 'host',
  vp: 0,
  connection: 1,
  bytes: Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0),
})
const channel = { instanceId: '', subchannelIndex: 0, relid: 1 }

it('a device that was closed is reported as it was before', () => {
  let version: string | null = '6.1'
  const figures = figuresOf(new Map([['netvsc', { result: () => ({ version }) }]]))
  // CHANNELMSG_CLOSECHANNEL is 7 (Linux include/linux/hyperv.h).
  figures.trace(message(7))
  version = null
  figures.heard({ kind: 'closed', device: 'netvsc', ...channel })
  expect(figures.result()).toEqual({ netvsc: { version: '6.1' } })
  figures.heard({ kind: 'opened', device: 'netvsc', ...channel })
  expect(figures.result()).toEqual({ netvsc: { version: null } })
  // A subchannel's end is not the device's.
  version = '5.0'
  figures.trace(message(7))
  figures.heard({ kind: 'closed', device: 'netvsc', ...channel, subchannelIndex: 1 })
  version = '4.0'
  expect(figures.result()).toEqual({ netvsc: { version: '4.0' } })
})
