/** Until so many milliseconds have gone, one of the signals says so, or what is given to `early` is called. */
export async function wait(
  ms: number,
  signals: readonly (AbortSignal | undefined)[],
  early?: (wake: () => void) => void,
): Promise<void> {
  const done = new AbortController()
  let timer: NodeJS.Timeout | undefined
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
    for (const signal of signals) {
      if (signal?.aborted === true) resolve()
      signal?.addEventListener('abort', () => resolve(), { signal: done.signal })
    }
    early?.(resolve)
  })
  clearTimeout(timer)
  done.abort()
}

/** Milliseconds for what only says goodbye. */
const GOODBYE_MS = 1000

/** Until these have ended, well or not, but not for long: a client that is closed while its server is away never says so. */
export async function settled(...endings: readonly Promise<unknown>[]): Promise<void> {
  const done = new AbortController()
  void Promise.allSettled(endings).then(() => done.abort())
  await wait(GOODBYE_MS, [done.signal])
}
