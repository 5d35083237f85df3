import type { Writable } from 'node:stream'
import type { Streams } from './main.ts'

/**
 * Where a process writes. When nobody reads any more (`vmbus boot | head`), what is still said goes nowhere and `gone` is
 * called, once: there is no use in going on.
 */
export function streamsOf(out: Writable, err: Writable, gone: () => void): Streams {
  let isGone = false
  out.on('error', () => {
    if (!isGone) gone()
    isGone = true
  })
  // There is nowhere left to say it.
  err.on('error', () => undefined)
  return {
    out: (text) => void (isGone || out.write(text)),
    err: (text) => void err.write(text),
  }
}
