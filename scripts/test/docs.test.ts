import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { codesPage } from '../docs/codes.mjs'
import { docViolations } from '../docs/rules.mjs'

const example = '# A\n```ts\nopen()\n```\n'

const sound: Record<string, string> = {
  'README.md': `[disk](packages/disk) [vmbus](matrix)\n${example}`,
  'THIRD-PARTY-NOTICES.md': '[v86](https://github.com/copy/v86)',
  'packages/disk/package.json': '{ "name": "@vmbus/disk" }',
  'matrix/package.json': JSON.stringify({ peerDependencies: { v86: '0.5.462' } }),
  'docs/errors.md': codesPage(new Map([['VMBUS_DISK_FULL', ['packages/disk']]])),
  'packages/disk/README.md': `npm install @vmbus/disk\n${example}\`VMBUS_DISK_FULL\``,
  'packages/disk/src/index.ts': `const code = 'VMBUS_DISK_FULL'`,
  'matrix/README.md': example,
  'matrix/src/index.ts': `process.env['VMBUS_IMAGES']`,
}

const device = {
  'packages/kvp/package.json': '{}',
  'packages/kvp/src/index.ts': '',
  'README.md': `[](packages/kvp) [](packages/disk) [](matrix)\n${example}`,
}

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

/** The violations of a repository that is sound but for these files. */
function check(changed: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'vmbus-docs-'))
  roots.push(root)
  for (const [path, text] of Object.entries({ ...sound, ...changed })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return docViolations(root)
}

test('a sound repository has no violations', () => {
  expect(check({})).toEqual([])
})

describe('caught:', () => {
  test.each([
    [
      'a package without README',
      {
        'packages/core/src/index.ts': '',
        'packages/core/package.json': '{}',
        'README.md': `[](packages/core) [](packages/disk) [](matrix)\n${example}`,
      },
      'packages/core/README.md: is missing',
    ],
    ['a README without example', { 'matrix/README.md': '# A' }, 'matrix/README.md: has no example in a ts block'],
    [
      'a device whose life is not drawn',
      { ...device, 'packages/kvp/README.md': example },
      "packages/kvp/README.md: does not draw the device's life in a mermaid block",
    ],
    [
      'a diagram that Mermaid does not read to its end',
      { ...device, 'packages/kvp/README.md': `${example}\`\`\`mermaid\nA->>B: yes; no\n\`\`\`\n` },
      'packages/kvp/README.md: a semicolon breaks its mermaid block',
    ],
    [
      'a long first example',
      { 'matrix/README.md': `\`\`\`ts\n${'a()\n'.repeat(21)}\`\`\`` },
      'matrix/README.md:2: the first example has 21 lines, not 20',
    ],
    [
      'a published package that does not say how it is installed',
      { 'packages/disk/README.md': `${example}VMBUS_DISK_FULL` },
      "packages/disk/README.md: does not say 'npm install @vmbus/disk'",
    ],
    [
      'a first example of the repository that only the newest Node takes',
      { 'README.md': '[](packages/disk) [](matrix)\n```ts\nawait using a = open()\n```' },
      'README.md:3: the first example needs Node 24: await using',
    ],
    [
      'one that is no plain JavaScript',
      { 'README.md': '[](packages/disk) [](matrix)\n```ts\nconst a = (b: number) => b\n```' },
      'README.md:3: the first example is no plain JavaScript: Expected `,` or `)` but found `:`',
    ],
    [
      'an example not run without reason',
      { 'matrix/README.md': '```ts no-run\na()\n```' },
      "matrix/README.md:2: a block that is not run needs '<!-- not run: why -->' before it",
    ],
    [
      'a block that is said not to be run, and is',
      { 'matrix/README.md': '<!-- not run: fetches a kernel -->\n\n```ts\na()\n```' },
      'matrix/README.md:4: is said not to be run, but the fast tier runs it',
    ],
    [
      'a block that is said not to be run, and is with the guests',
      { 'matrix/README.md': '<!-- not run: fetches a kernel -->\n```ts guests\na()\n```' },
      'matrix/README.md:3: is said not to be run, but the guests tier runs it',
    ],
    [
      'a dead link',
      { 'packages/disk/README.md': `npm install @vmbus/disk\n${example}VMBUS_DISK_FULL [here](./vhd.md#footer)` },
      'packages/disk/README.md: links to ./vhd.md, which does not exist',
    ],
    [
      'a package that is not listed',
      { 'README.md': `[disk](packages/disk)\n${example}` },
      'README.md: does not list matrix',
    ],
    [
      'a code without meaning',
      { 'packages/disk/README.md': `npm install @vmbus/disk\n${example}` },
      'packages/disk/README.md: does not tell what VMBUS_DISK_FULL means',
    ],
    [
      'a dependency without notice',
      { 'THIRD-PARTY-NOTICES.md': '' },
      'THIRD-PARTY-NOTICES.md: does not name v86, which matrix needs',
    ],
    [
      'a citation of a section that is not there',
      {
        'docs/wire/03-ring-buffer.md': '## 1. Memory layout',
        'packages/disk/src/ring.ts': '/** wire/03 §1.2, but not wire/03 §9. */',
      },
      'packages/disk/src/ring.ts: cites wire/03 §9, which docs/wire does not have',
    ],
    ['a stale page of codes', { 'docs/errors.md': '' }, 'docs/errors.md: is out of date: npm run docs'],
  ])('%s', (_, changed, violation) => {
    expect(check(changed)).toEqual([violation])
  })
})
