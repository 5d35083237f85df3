import { defineDevice, type HostDeviceSpec } from '@vmbus/core'
import { icHost, icHostState, icVersion, type IcHost, type IcVersions } from '@vmbus/ic'

export const INTERFACE = '0badc0de-0000-0000-0000-000000000005'
export const TYPE = 7
export const VERSIONS: IcVersions = {
  framework: [icVersion(1, 0), icVersion(3, 0)],
  message: [icVersion(1, 0), icVersion(4, 0), icVersion(5, 0)],
}

/** A component that does nothing but ask, and writes down what comes of it. */
export function component(said: string[], versions: IcVersions = VERSIONS) {
  const hosts: IcHost[] = []
  const device = defineDevice({
    kind: 'component',
    interfaceIds: [INTERFACE],
    offer: () => ({ interfaceId: INTERFACE, instanceId: '0badc0de-0000-0000-0000-000000000006' }),
    host: (_: object, deps) => {
      const ic = icHost(deps, versions, {
        type: TYPE,
        ready: () => said.push('ready'),
        refused: () => said.push('refused'),
        reply: (status, view, bodyLength) => said.push(`reply ${status} ${bodyLength} ${view.getUint8(28)}`),
        abandoned: () => said.push('abandoned'),
      })
      hosts.push(ic)
      return {
        open: ic.open,
        readable: ic.readable,
        close: ic.close,
        rescinded: ic.close,
        timer: (name: string) => void ic.timer(name),
        save: ic.save,
        restore: (saved: unknown, [channel]) => ic.restore(icHostState(versions)(saved, ''), channel),
        inspect: ic.inspect,
      }
    },
    guest: () => ({
      opened() {},
      offered() {},
      readable() {},
      rescinded() {},
      save: () => 0,
      restore() {},
      inspect: () => ({}),
    }),
  })
  const spec: HostDeviceSpec = device({})
  return { spec, ic: () => hosts.at(-1) as IcHost }
}

export const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/**
 * A guest's answer to a negotiation, typed from wire/06 §1 and §2: counts, then one version of each kind as major and
 * minor, little-endian. Flags 5: transaction, response.
 */
export const agreement = (framework: string, message: string, counts = '0100 0100'): Uint8Array =>
  hex(`01000000 24000000 00000000 0000 00000000 1000 00000000 00 05 0000 ${counts} 00000000 ${framework} ${message}`)

/** The same request back, as a response with this status. */
export function responseTo(request: Uint8Array, status = 0): Uint8Array {
  const bytes = request.slice()
  bytes[25] = 5
  new DataView(bytes.buffer).setUint32(20, status, true)
  return bytes
}

export const isNegotiation = (message: Uint8Array): boolean => message[12] === 0
export const FRAMEWORK_3 = '03000000'
