const REPLACEMENT = 0xfffd

/** Bytes of `text` in UTF-8; a lone surrogate becomes U+FFFD. */
export function utf8Encode(text: string): Uint8Array {
  const out: number[] = []
  for (const char of text) {
    let c = char.codePointAt(0) ?? REPLACEMENT
    if (c >= 0xd800 && c <= 0xdfff) c = REPLACEMENT
    if (c < 0x80) out.push(c)
    else if (c < 0x800) out.push(0xc0 | (c >> 6), 0x80 | (c & 63))
    else if (c < 0x10000) out.push(0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63))
    else out.push(0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63))
  }
  return Uint8Array.from(out)
}

/** Text of UTF-8 bytes, or undefined when they are not well formed (overlong, surrogate, cut short). */
export function utf8Decode(bytes: Uint8Array): string | undefined {
  let text = ''
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i++] ?? 0
    if (lead < 0x80) {
      text += String.fromCharCode(lead)
      continue
    }
    const more = lead >= 0xf0 && lead < 0xf8 ? 3 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xc0 && lead < 0xe0 ? 1 : 0
    if (more === 0) return undefined
    let c = lead & (0x3f >> more)
    for (let k = 0; k < more; k++) {
      const next = bytes[i++] ?? 0
      if ((next & 0xc0) !== 0x80) return undefined
      c = (c << 6) | (next & 63)
    }
    const smallest = more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000
    if (c < smallest || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return undefined
    text += String.fromCodePoint(c)
  }
  return text
}
