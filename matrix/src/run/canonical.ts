/** JSON with sorted names, in which `undefined` and numbers that JSON does not have are told apart. */
export function canonical(value: unknown): string {
  if (value === undefined) return '"undefined"'
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(',')}}`
}
