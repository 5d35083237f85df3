import { checkOptions, integer, object, optional, type Given } from '@vmbus/world'
import { StorvscError } from '../errors.ts'
import { MAX_ADDRESS } from '../protocol/index.ts'

/** Where a logical unit is on its controller. The guest calls the path a channel. */
export interface LunAddress {
  readonly path: number
  readonly target: number
  readonly lun: number
}

/** One number for an address, in the order path, target, LUN. */
export const addressKey = ({ path, target, lun }: LunAddress): number => (path << 16) | (target << 8) | lun

export const addressOf = (key: number): LunAddress => ({
  path: (key >>> 16) & 0xff,
  target: (key >>> 8) & 0xff,
  lun: key & 0xff,
})

/** Throws VMBUS_STORVSC_OPTIONS for an address that the wire cannot carry. */
export function checkAddress(address: LunAddress): LunAddress {
  for (const field of ['path', 'target', 'lun'] as const) {
    const value = address[field]
    if (!(Number.isInteger(value) && value >= 0 && value <= MAX_ADDRESS))
      throw new StorvscError('VMBUS_STORVSC_OPTIONS', field, value, `0 to ${MAX_ADDRESS}`)
  }
  return address
}

const part = optional(integer(0, MAX_ADDRESS))
const addressShape = object<Given<LunAddress>>({ path: part, target: part, lun: part })

/** The address of which the rest is 0. Throws OptionsError (VMBUS_OPTIONS_INVALID). */
export function partialAddress(address: Partial<LunAddress>): LunAddress {
  const { path = 0, target = 0, lun = 0 } = checkOptions('storvsc address', addressShape, address)
  return { path, target, lun }
}
