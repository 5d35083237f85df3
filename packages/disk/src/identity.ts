import { seeded } from '@vmbus/world'

/** Makes a 16-byte identifier that was not used before; the argument says what for. */
export type NewIdentity = (purpose: string) => Uint8Array

/**
 * Identifiers as a hash of (what is there already, purpose, serial number): the same run makes the same ones, in
 * the form of an RFC 9562 version 8 UUID. Two copies of an image that take different ways need a random source
 * instead; `@vmbus/disk/file` has one.
 */
export function derivedIdentity(from: Uint8Array, purpose: string, serial: number): Uint8Array {
  const seed = seeded(0)
  const id = new Uint8Array(16)
  const view = new DataView(id.buffer)
  for (let word = 0; word < 4; word++) view.setUint32(word * 4, seed.u32(purpose, serial, word, ...from))
  id[7] = ((id[7] ?? 0) & 0x0f) | 0x80
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80
  return id
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
