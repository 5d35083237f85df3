const FIRST_BYTES = 4096

/** Bytes as they come in, one by one. */
export interface ByteBuffer {
  readonly length: number
  append(value: number): void
  clear(): void
  /** UTF-8. */
  text(): string
  copy(): Uint8Array
  /** Holds these bytes and no others. */
  set(bytes: Uint8Array): void
}

export function byteBuffer(): ByteBuffer {
  let buffer = new Uint8Array(FIRST_BYTES)
  let length = 0
  return {
    get length() {
      return length
    },
    append(value) {
      if (length === buffer.length) {
        const bigger = new Uint8Array(buffer.length * 2)
        bigger.set(buffer)
        buffer = bigger
      }
      buffer[length++] = value
    },
    clear() {
      length = 0
    },
    text: () => new TextDecoder().decode(buffer.subarray(0, length)),
    copy: () => buffer.slice(0, length),
    set(bytes) {
      buffer = new Uint8Array(Math.max(FIRST_BYTES, bytes.length))
      buffer.set(bytes)
      length = bytes.length
    },
  }
}
