import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { closingLine, imageFolders, liveGuestsLine } from '../closing-line.ts'

describe('the closing line', () => {
  test.each([
    [{ passed: 12, failed: 0, skipped: 0 }, '12 passed, 0 failed'],
    [{ passed: 0, failed: 3, skipped: 0 }, '0 passed, 3 failed'],
    [{ passed: 1, failed: 2, skipped: 4 }, '1 passed, 2 failed, 4 skipped'],
  ])('%o', (tally, line) => {
    expect(closingLine(tally)).toBe(line)
  })
})

test('the fast tests say that live guests were not run, when no image is at hand', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmbus-images-'))
  expect(imageFolders({ VMBUS_IMAGES: folder })).toEqual([folder])
  expect(imageFolders({ XDG_CACHE_HOME: '/c', VMBUS_IMAGES: '' })).toEqual([join('/c', 'vmbus')])
  expect(liveGuestsLine('fast', [folder])).toMatch(/^live guests: not run/)
  expect(liveGuestsLine('guests', [folder])).toBeUndefined()
  mkdirSync(join(folder, 'sets'))
  expect(liveGuestsLine('fast', [folder])).toMatch(/^live guests: not run/)
  writeFileSync(join(folder, 'sets', 'debian-12-686.json'), '{}')
  expect(liveGuestsLine('fast', [folder])).toBeUndefined()
  rmSync(folder, { recursive: true })
})
