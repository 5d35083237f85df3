import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const source = fileURLToPath(new URL('../src', import.meta.url))

it('the main entry reaches no module of Node, no clock and no chance', () => {
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const text = readFileSync(`${source}/${file}`, 'utf8')
    expect(`${file}: ${/node:|Date\.now|Math\.random|process\.|Promise|async /.exec(text)?.[0] ?? 'clean'}`).toBe(
      `${file}: clean`,
    )
    const base = new URL(file, 'file:///')
    for (const [, target] of text.matchAll(/from '(\.[^']+)'/g))
      visit(new URL(target as string, base).pathname.slice(1))
  }
  visit('index.ts')
  const all = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  expect(all.filter((name) => !seen.has(name)).sort()).toEqual([
    'file-checkpoints.ts',
    'file-disk.ts',
    'file-lock.ts',
    'file-parent.ts',
    'file-punch.ts',
    'file-store.ts',
    'file-system.ts',
    'file.ts',
  ])
})
