#!/usr/bin/env node
import { main } from './main.ts'
import { streamsOf } from './streams.ts'

const interrupt = new AbortController()
// Once: whoever presses twice does not want to wait.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort())

const streams = streamsOf(process.stdout, process.stderr)
process.exitCode = await streams.finish(await main(process.argv.slice(2), streams, interrupt.signal))
