#!/usr/bin/env node
import { main } from './main.ts'
import { streamsOf } from './streams.ts'

const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())

const streams = streamsOf(process.stdout, process.stderr, () => interrupt.abort())
process.exitCode = await main(process.argv.slice(2), streams, interrupt.signal)
