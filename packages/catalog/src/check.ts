import * as v from 'valibot'
import { SCHEMAS, type CatalogData, type CatalogFile } from './schema.ts'

export type CatalogErrorCode = 'VMBUS_CATALOG_INVALID'

/** A data file that holds something else than it must: `path` is where in the file, `value` what stands there. */
export class CatalogError extends Error {
  override readonly name = 'CatalogError'
  readonly code: CatalogErrorCode = 'VMBUS_CATALOG_INVALID'
  readonly file: CatalogFile
  readonly path: string
  readonly value: unknown

  constructor(file: CatalogFile, path: string, value: unknown, expected: string) {
    super(`VMBUS_CATALOG_INVALID: data/${file}.json: ${path} is ${JSON.stringify(value)}, expected: ${expected}`)
    this.file = file
    this.path = path
    this.value = value
  }
}

/** The data of a file, once all of it was looked at. Throws CatalogError (VMBUS_CATALOG_INVALID) for the first fault. */
export function checkCatalogFile<F extends CatalogFile>(file: F, data: unknown): CatalogData[F]
export function checkCatalogFile(file: CatalogFile, data: unknown): CatalogData[CatalogFile] {
  const result = v.safeParse(SCHEMAS[file], data, { abortEarly: true })
  if (!result.success) {
    const [issue] = result.issues
    throw new CatalogError(file, v.getDotPath(issue) ?? '', issue.input, issue.expected ?? issue.message)
  }
  if (file === 'grids') checkTables(v.parse(SCHEMAS.grids, result.output))
  return result.output
}

/** Every cell names a table that there is. */
function checkTables({ tables, families }: CatalogData['grids']): void {
  const known = new Set(tables.map(({ id }) => id))
  const named = families.flatMap(({ releases }, f) =>
    releases.flatMap(({ support }, r) =>
      Object.entries(support).flatMap(([feature, { by }]) =>
        by.map(({ table }, at) => [`families.${f}.releases.${r}.support.${feature}.by.${at}.table`, table] as const),
      ),
    ),
  )
  const unknown = named.find(([, table]) => !known.has(table))
  if (unknown !== undefined) throw new CatalogError('grids', ...unknown, 'the id of a table')
}
