import { existsSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DEVICE_RULES, GUEST_RULES, HOST_RULES, MACHINE_RULES, PROTOCOL_RULES } from '../../src/index.ts'

const ROOT = new URL('../../../../', import.meta.url)
const PAGES = readdirSync(new URL('docs/wire', ROOT))
/** Public: kernels, projects and standards. */
const PUBLIC = /^(?:Linux|OpenVMM|FreeBSD|TLFS|SPC-4|SBC-3|SAM-4)\b/

const isKnown = (source: string): boolean => {
  const page = /^wire\/(\d\d)\b/.exec(source)?.[1]
  if (page !== undefined) return PAGES.some((name) => name.startsWith(`${page}-`))
  const [path = ''] = source.split(':')
  if (path.startsWith('packages/')) return existsSync(new URL(path, ROOT))
  return path === 'CONTRIBUTING' || PUBLIC.test(source) || source.startsWith('§')
}

test('each rule cites what is in the repository or public', () => {
  const rules = [GUEST_RULES, HOST_RULES, DEVICE_RULES, MACHINE_RULES].flatMap(({ all }) => all)
  const devices = Object.values(PROTOCOL_RULES).flatMap(({ guest, host }) => [...guest, ...host])
  const all = [...rules, ...devices]
  expect(all.length).toBeGreaterThan(200)
  expect(all.filter(({ source }) => !source.split('; ').every(isKnown))).toEqual([])
})
