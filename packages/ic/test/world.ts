import { Version, type GuestDriverSpec, type HostDevice, type HostDeviceSpec } from '@vmbus/core'
import { At, PIPE_MODE_FLAG, pipeUserData } from '@vmbus/ic'
import { deviceWorld, rawDevice, type DeviceWorld, type InterruptMode, type SaveMode } from '@vmbus/testbench'

/** Worlds of one component and its driver: a quarter of a megabyte, one processor, one version of the bus. */
export function worlds(interrupts: InterruptMode, save: SaveMode = 'never') {
  return <Settings, D extends HostDevice>(
    device: HostDeviceSpec<Settings, D>,
    driver: GuestDriverSpec,
    settings?: unknown,
  ): DeviceWorld<D> =>
    deviceWorld(device, driver, {
      interrupts,
      save,
      settings,
      memoryMB: 0.25,
      firstPage: 1,
      vps: 1,
      versions: [Version.v5_2],
      seed: 7,
    })
}

/** The device or driver of now, which each restore makes anew: a test that holds this holds whatever took its place. */
export const following = <T extends object>(now: () => T): T =>
  new Proxy({} as T, { get: (_, name): unknown => Reflect.get(now(), name) })

/** A component's device that sends `messages`, one at each answer or all at once, and keeps the answers. */
export const rawComponent = (
  interfaceId: string,
  instanceId: string,
  messages: readonly Uint8Array[],
  answers: Uint8Array[] = [],
  impatient = false,
): HostDeviceSpec =>
  rawDevice({
    offer: { interfaceId, instanceId, flags: PIPE_MODE_FLAG, userDefined: pipeUserData() },
    messages,
    answers,
    impatient,
  })

/** A request of framework 3.0 around a body: what a host sends. */
export function requestOf(type: number, version: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(At.body + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 1, true)
  view.setUint32(4, bytes.length - 8, true)
  view.setUint16(8, 3, true)
  view.setUint16(12, type, true)
  view.setUint16(14, version >>> 16, true)
  view.setUint16(16, version & 0xffff, true)
  view.setUint16(18, body.length, true)
  bytes[25] = 3
  bytes.set(body, At.body)
  return bytes
}
