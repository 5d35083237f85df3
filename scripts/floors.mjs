// Checks the floors of the workspace: who may import whom, what the pure ones must not touch, and that no module holds state.
import { fileURLToPath } from 'node:url'
import { violations } from './floors/rules.mjs'
import * as table from './floors/table.mjs'
import { readWorkspace } from './floors/workspace.mjs'

const found = violations(readWorkspace(fileURLToPath(new URL('..', import.meta.url))), table)
for (const violation of found) console.error(violation)
if (found.length > 0) process.exitCode = 1
