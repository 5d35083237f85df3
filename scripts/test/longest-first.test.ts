import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LONGEST } from '../longest-first.ts'
import { root } from './root.ts'

test('the files that go first are there', () => {
  expect(LONGEST.filter((path) => !existsSync(join(root, path)))).toEqual([])
})
