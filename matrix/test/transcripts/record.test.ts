import { describe, expect, test } from 'vitest'
import { asKernel } from './record.ts'

const told = (text: string) => ({
  control: [{ to: 'guest' as const, bytes: Uint8Array.of(1) }],
  channels: { kvp: [{ to: 'host' as const, bytes: Uint8Array.from(Buffer.from(text, 'utf16le')) }] },
})

describe('a transcript of another package of the release', () => {
  test('names the kernel that is kept', () => {
    expect(asKernel(told('a 6.1.0-51-686-pae z'), '6.1.0-51', '6.1.0-50')).toEqual(told('a 6.1.0-50-686-pae z'))
    expect(asKernel(told('no name'), '6.1.0-51', '6.1.0-50')).toEqual(told('no name'))
  })

  test('is left as it is when the names have another length', () => {
    expect(asKernel(told('6.1.0-100'), '6.1.0-100', '6.1.0-50')).toEqual(told('6.1.0-100'))
  })
})
