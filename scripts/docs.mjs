// Checks the documentation: examples, links, the list of packages, the codes of errors. With --write, as in `npm run docs`,
// it writes the page of the codes first.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CODES_PAGE, codesOf, codesPage } from './docs/codes.mjs'
import { docViolations, packageFolders } from './docs/rules.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
if (process.argv.includes('--write')) {
  const page = join(root, CODES_PAGE)
  mkdirSync(dirname(page), { recursive: true })
  writeFileSync(page, codesPage(codesOf(root, packageFolders(root))))
}

const found = docViolations(root)
for (const violation of found) console.error(violation)
if (found.length > 0) process.exitCode = 1
