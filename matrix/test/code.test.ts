import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { PACKAGES } from '../src/run/code.ts'

test('each package whose code is digested is installed with this one, and not by chance', () => {
  const text = readFileSync(fileURLToPath(new URL('../package.json', import.meta.url)), 'utf8')
  const { dependencies } = v.parse(v.looseObject({ dependencies: v.record(v.string(), v.string()) }), JSON.parse(text))
  expect(PACKAGES.filter((name) => !(`@vmbus/${name}` in dependencies))).toEqual([])
})
