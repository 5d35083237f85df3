// Writes the examples of the READMEs to matrix/.examples, where `npm run check` type-checks them with all other sources.
import { fileURLToPath } from 'node:url'
import { writeExamples } from './docs/examples.mjs'

writeExamples(fileURLToPath(new URL('..', import.meta.url)))
