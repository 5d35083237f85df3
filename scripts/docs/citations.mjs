import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const WIRE = 'docs/wire'

/**
 * The sections of the pages in docs/wire by page number, `3` or `A` of `## 3. Packet format`.
 *
 * @param {string} root
 * @returns {Map<string, ReadonlySet<string>>}
 */
function sectionsOf(root) {
  const pages = existsSync(join(root, WIRE)) ? readdirSync(join(root, WIRE)) : []
  return new Map(
    pages.flatMap((name) => {
      const [page] = /^\d\d(?=-)/.exec(name) ?? []
      if (page === undefined) return []
      const text = readFileSync(join(root, WIRE, name), 'utf8')
      return [[page, new Set([...text.matchAll(/^## (\w+)\./gm)].map(([, section = '']) => section))]]
    }),
  )
}

/**
 * A citation such as `wire/03 §8.4` leads to a section of docs/wire; the point within it is not looked at.
 *
 * @param {string} root
 * @param {readonly string[]} packages
 * @returns {string[]}
 */
export function citationViolations(root, packages) {
  const sections = sectionsOf(root)
  return packages
    .flatMap((folder) => citingFiles(root, folder))
    .flatMap((path) =>
      [...readFileSync(join(root, path), 'utf8').matchAll(/wire\/(\d\d)(?: §(\w+))?/g)]
        .filter(([, page = '', section]) => {
          const known = sections.get(page)
          return known === undefined || (section !== undefined && !known.has(section))
        })
        .map(([citation]) => `${path}: cites ${citation}, which ${WIRE} does not have`),
    )
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function citingFiles(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory())
      return /^(node_modules|dist|fixtures|\..*)$/.test(entry.name) ? [] : citingFiles(root, path)
    return /\.(ts|md)$/.test(entry.name) ? [path] : []
  })
}
