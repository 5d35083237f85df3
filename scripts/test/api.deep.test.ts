import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './root.ts'

interface Manifest {
  readonly name: string
  readonly publishConfig?: { readonly exports?: Record<string, unknown> }
}

test('the pages of the interface have one for each entry that is published, and are written without a warning', () => {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'docs:api'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  expect({ status, text: stdout + stderr }).toMatchObject({ status: 0 })
  expect(stdout + stderr).not.toMatch(/warning/i)
  const published = [...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`), 'matrix'].flatMap(
    (folder) => {
      const { name, publishConfig } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest
      return Object.keys(publishConfig?.exports ?? {}).map((entry) => name + entry.slice(1))
    },
  )
  expect(published).toContain('@vmbus/heartbeat/protocol')
  const pageOf = (name: string) => join(root, 'docs/api/modules', `${name.replace('@', '_').replaceAll('/', '_')}.html`)
  const code = published.filter((name) => !name.endsWith('.json'))
  expect(code.filter((name) => !existsSync(pageOf(name)))).toEqual([])
  expect(readFileSync(pageOf('@vmbus/heartbeat/protocol'), 'utf8')).toContain('HEARTBEAT_INTERFACE')
})
