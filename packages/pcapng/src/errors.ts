/**
 * A capture cannot be written as asked (`VMBUS_PCAPNG_ARGUMENT`) or is not valid pcapng (`VMBUS_PCAPNG_FORMAT`).
 * `offset` is the file offset of the block at fault, when reading.
 */
export class PcapngError extends Error {
  override readonly name = 'PcapngError'
  readonly code: 'VMBUS_PCAPNG_ARGUMENT' | 'VMBUS_PCAPNG_FORMAT'
  readonly field: string
  readonly value: number | bigint | string
  readonly allowed: string
  readonly offset: number | undefined

  constructor(
    code: PcapngError['code'],
    detail: { field: string; value: number | bigint | string; allowed: string; offset?: number },
  ) {
    const where = detail.offset === undefined ? '' : ` in the block at offset ${detail.offset}`
    super(`${detail.field} is ${detail.value}${where}; allowed: ${detail.allowed}`)
    this.code = code
    this.field = detail.field
    this.value = detail.value
    this.allowed = detail.allowed
    this.offset = detail.offset
  }
}
