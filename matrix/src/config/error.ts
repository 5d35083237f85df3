export type ConfigErrorCode = 'VMBUS_CONFIG_INVALID' | 'VMBUS_CONFIG_IMPORT'

const LONGEST = 200

/** What a value looks like in a line. */
function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  const text = JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each))
  return (text ?? 'nothing').slice(0, LONGEST)
}

/** A configuration that cannot be used: `path` is where in it, `value` what stands there. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code: ConfigErrorCode = 'VMBUS_CONFIG_INVALID'
  readonly file: string
  readonly path: string
  readonly value: unknown

  constructor(file: string, path: string, value: unknown, expected: string) {
    super(`${file}: ${path === '' ? 'its default export' : path} is ${shown(value)}, expected: ${expected}`)
    this.file = file
    this.path = path
    this.value = value
  }
}

/** A configuration that is not there, or does not come to its end when it is imported. */
export class ConfigImportError extends Error {
  override readonly name = 'ConfigImportError'
  readonly code: ConfigErrorCode = 'VMBUS_CONFIG_IMPORT'
  readonly file: string

  constructor(file: string, reason: string, cause?: unknown) {
    super(`${file}: ${reason}`, { cause })
    this.file = file
  }
}
