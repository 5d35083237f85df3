/**
 * What two transcripts of the same exchange may differ in. A value of the categories `pfn`, `page`, `gpadl`, `open`,
 * `transaction`, `request` and `identification` is chosen by the guest; `page` is a page frame number of a packet whose pages
 * are lent until it is completed, `gpa` an address with its offset in the page, `identification` the id of an IPv4 packet,
 * whose header's checksum changes with it. `time` is a time, and `unset` what happened to stand in the sender's memory where no
 * field is.
 */
export type VariableCategory =
  | 'pfn'
  | 'page'
  | 'gpa'
  | 'gpadl'
  | 'open'
  | 'transaction'
  | 'request'
  | 'identification'
  | 'time'
  | 'unset'

export interface VariableField {
  readonly offset: number
  /** Numbers of two bytes are in network order, the others little-endian. */
  readonly size: 2 | 4 | 8
  readonly category: VariableCategory
}

/** What a packet named and did not carry, such as the RNDIS messages of a network adapter. */
export interface TransferTrace {
  /** In the words of its protocol. */
  text(bytes: Uint8Array): string
  /** Fields that the guest chose; `to` is the receiver. */
  variable(to: 'host' | 'guest', bytes: Uint8Array): readonly VariableField[]
}

/** What whoever reads a transcript has to know of a device. */
export interface DeviceTrace {
  /** Names of its classes, by the GUID of the interface. */
  readonly classes: Readonly<Record<string, string>>
  /** A packet's payload in the words of its protocol; undefined for one that it does not know. */
  payloadText?(payload: Uint8Array): string | undefined
  /** Fields of a packet that its sender chose, beyond its transaction id and page numbers; its payload begins at `payload`. */
  variable?(packet: DataView, payload: number): readonly VariableField[]
  /** The pages of such a packet are lent until it is completed, and any page will do. */
  lendsPages?(packet: DataView, payload: number): boolean
  /** By the format that the trace gives them. */
  readonly transfers?: Readonly<Record<string, TransferTrace>>
}

type Constants = Readonly<Record<string, number>>

/** The name of a value in a protocol's table. */
export const nameIn = (constants: Constants, value: number): string | undefined =>
  Object.entries(constants).find(([, each]) => each === value)?.[0]

/** `executeSrb` as documents write it: `EXECUTE_SRB`. */
export const upperSnakeCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

/** The name of a value in a protocol's table, as documents write it. */
export function constantIn(constants: Constants, value: number): string | undefined {
  const name = nameIn(constants, value)
  return name === undefined ? undefined : upperSnakeCase(name)
}
