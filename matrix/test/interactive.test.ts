import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { converse } from '../src/commands/boot/interactive.ts'
import type { Stage } from '../src/commands/boot/verb-steps.ts'

/** A terminal at which somebody types, and a guest whose every call takes until it is interrupted. */
function terminal() {
  const ended = new AbortController()
  const said: string[] = []
  const input = new PassThrough()
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 })
  output.resume()
  const never = new Promise<never>((_, reject) => {
    ended.signal.addEventListener('abort', () => reject(ended.signal.reason as Error), { once: true })
  })
  never.catch(() => undefined)
  const stage: Stage = {
    guest: {
      events: [],
      call: () => never,
      until: () => never,
      exec: (script) => Promise.resolve({ status: 0, output: script }),
      run: () => never,
      ended: () => never,
    },
    say: (text) => void said.push(text),
  }
  const talk = converse(stage, { input, output, signal: ended.signal, interrupt: () => ended.abort() })
  return { input, said, talk, ended }
}

it('reads lines until quit', async () => {
  const { input, said, talk } = terminal()
  input.write('frobnicate\nexec date\nquit\n')
  await talk
  expect(said.slice(1)).toEqual([expect.stringMatching(/unknown verb: frobnicate .*VMBUS_USAGE/), 'date'])
})

// A terminal in raw mode gives the character 3 and no signal.
it.each([
  ['while it waits for a line', ''],
  ['while a verb is under way', 'wait 100s\n'],
])('Ctrl-C ends it at the first press, %s', async (_, typed) => {
  const { input, talk, ended } = terminal()
  input.write(typed)
  await new Promise((resolve) => void setTimeout(resolve, 20))
  input.write('\u0003')
  await expect(talk).rejects.toThrow(/abort/i)
  expect(ended.signal.aborted).toBe(true)
})

it('so does an interruption from elsewhere', async () => {
  const { talk, ended } = terminal()
  ended.abort()
  await expect(talk).rejects.toThrow(/abort/i)
})
