#!/usr/bin/env node
import { main } from './main.ts'

const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())

const streams = {
  out: (text: string): void => void process.stdout.write(text),
  err: (text: string): void => void process.stderr.write(text),
}
process.exitCode = await main(process.argv.slice(2), streams, interrupt.signal)
