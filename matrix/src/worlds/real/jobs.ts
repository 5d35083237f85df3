import type { Shell } from './shell.ts'

/** Lets the guest go on until something holds, whichever host it is on. */
export interface Jobs {
  /** Done at once where nothing intervenes, else begun and looked at again after the guest has moved. */
  begin(script: string): Promise<string | undefined>
}

const JOB_SECONDS = 200

/** What is asked of disks: done where the next await is, and left running where the guest moves before. */
export function jobsOf(shell: Shell): { readonly jobs: Jobs; leave(): void } {
  let count = 0
  const waiting = new Map<number, string>()
  const path = (id: number): string => `/tmp/job.${id}`
  return {
    jobs: {
      async begin(script) {
        const id = ++count
        waiting.set(id, script)
        await Promise.resolve()
        if (waiting.delete(id)) return shell.run(script, JOB_SECONDS)
        const ended = `until [ -e ${path(id)}.end ]; do usleep 10000; done; cat ${path(id)}; exit $(cat ${path(id)}.end)`
        return shell.run(ended, JOB_SECONDS)
      },
    },
    leave() {
      for (const [id, script] of waiting) {
        waiting.delete(id)
        shell.run(`{ ( ${script} ) > ${path(id)}; echo $? > ${path(id)}.end; } >/dev/null 2>&1 &`)
      }
    },
  }
}
