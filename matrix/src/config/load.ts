import { existsSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as v from 'valibot'
import { expectedBy } from '../results/expected.ts'
import { registryOf } from '../registry/own.ts'
import { OURS, type Registry } from '../registry/registry.ts'
import type { VmbusConfig } from './config.ts'
import { configDigest, upward } from './digest.ts'
import { ConfigError, ConfigImportError } from './error.ts'
import { configFaults } from './faults.ts'
import { CONFIG_SCHEMA, isShaped } from './schema.ts'

/** Names of a configuration, the first that is there. */
const NAMES = ['vmbus.config.ts', 'vmbus.config.mjs', 'vmbus.config.js']

/** The configuration of a folder: in it, or in one above. */
export const findConfig = (folder: string): string | undefined => upward(resolve(folder), NAMES)

/** What Node says of a file that it does not run: an unknown ending, or TypeScript below node_modules. */
const NOT_RUN: readonly unknown[] = ['ERR_UNKNOWN_FILE_EXTENSION', 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING']

/** Whether it is for its TypeScript that something could not be imported. */
const isTypeScript = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && NOT_RUN.includes(error.code) && /\.[cm]?ts\b/.test(error.message)

async function imported(path: string): Promise<unknown> {
  if (!existsSync(path)) throw new ConfigImportError(path, 'there is no such file')
  try {
    const found: unknown = await import(pathToFileURL(path).href)
    return typeof found === 'object' && found !== null && 'default' in found ? found.default : undefined
  } catch (error) {
    if (isTypeScript(error))
      throw new ConfigImportError(
        path,
        `Node ${process.versions.node} does not run TypeScript here: call it vmbus.config.mjs, or use Node 22.18 or newer`,
        error,
      )
    const said = error instanceof Error ? error.message : String(error)
    throw new ConfigImportError(path, `it throws when it is imported: ${said.split('\n')[0] ?? ''}`, error)
  }
}

/** A configuration, all of it looked at; `file` is what to call it. Throws ConfigError (VMBUS_CONFIG_INVALID). */
export function checkConfig(value: unknown, file: string, ours: Registry = OURS): VmbusConfig {
  const parsed = v.safeParse(CONFIG_SCHEMA, value, { abortEarly: true })
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw new ConfigError(file, v.getDotPath(issue) ?? '', issue.input, expectedBy(issue))
  }
  if (!isShaped(value)) throw new ConfigError(file, '', value, 'a configuration')
  const fault = configFaults(value, ours).next().value
  if (fault !== undefined) throw new ConfigError(file, ...fault)
  return value
}

/**
 * What there is with the configuration in a file. Throws ConfigImportError (VMBUS_CONFIG_IMPORT) for one that is not there or
 * throws, and ConfigError (VMBUS_CONFIG_INVALID) for what is wrong in it.
 */
export async function loadRegistry(file: string): Promise<Registry> {
  const path = existsSync(file) ? realpathSync(file) : resolve(file)
  const config = checkConfig(await imported(path), path)
  return registryOf(config, { path, digest: configDigest(path) }, OURS)
}
