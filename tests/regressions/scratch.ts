import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const DEFECTS: string = fileURLToPath(new URL('./defects/', import.meta.url))

/** Folders that no test of a defect reads: what is built, and what is large. */
const LEFT_OUT = new Set(['dist', '.turbo', '.git'])

/** What tests read, and what runs them. */
const COPIED = [
  'packages',
  'scripts',
  'package.json',
  'vitest.config.ts',
  'tsconfig.base.json',
  'tests/regressions/runner.mjs',
]

interface Ran {
  readonly ran: boolean
  readonly failed: boolean
  readonly hung: boolean
  readonly output: string
}

/** A copy of the repository in which defects are put back, one at a time. */
export interface Scratch {
  /** Undefined when the patch applies, else what the tool says. */
  apply(patch: string): string | undefined
  revert(): void
  /** Runs one test of a file: whether it was there, failed, or did not end in time, and what it printed. */
  run(file: string, name: string): Promise<Ran>
  dispose(): void
}

/** Workspace packages are linked to each other by relative links, so the copy's packages see the copy's. */
export function scratch(): Scratch {
  const root = mkdtempSync(join(tmpdir(), 'vmbus-regressions-'))
  const isWanted = (path: string): boolean => !path.split(sep).some((part) => LEFT_OUT.has(part))
  for (const name of COPIED) {
    cpSync(join(ROOT, name), join(root, name), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => isWanted(path.slice(ROOT.length)),
    })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  /** What the files of the patch were before. */
  const originals = new Map<string, Uint8Array>()
  /** Files that are not what they were at the last run. */
  const changed = new Set<string>()
  const vitest = runnerIn(root)

  return {
    apply(patch) {
      const text = readFileSync(patch, 'utf8')
      for (const [, file = ''] of text.matchAll(/^\+\+\+ b\/(.+)$/gm))
        originals.set(file, readFileSync(join(root, file)))
      for (const file of originals.keys()) changed.add(file)
      const { status, stdout, stderr } = spawnSync('git', ['apply', '--whitespace=nowarn', patch], {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() },
      })
      return status === 0 ? undefined : `${stdout}${stderr}`
    },
    revert() {
      for (const [file, bytes] of originals) {
        writeFileSync(join(root, file), bytes)
        changed.add(file)
      }
      originals.clear()
    },
    run(file, name) {
      const request = { file, pattern: escape(name), changed: [...changed] }
      changed.clear()
      return vitest.run(request)
    },
    dispose() {
      vitest.stop()
      rmSync(root, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

interface Request {
  readonly file: string
  /** Of names of tests. */
  readonly pattern: string
  /** Files that are others than they were for the run before. */
  readonly changed: readonly string[]
}

/** A defect may hang a test: that is a failure, too. */
const PATIENCE_MS = 90_000

/** Runs in one process after another: one that a defect hangs is killed with all that it started, and the next run has a new one. */
function runnerIn(root: string): { run(request: Request): Promise<Ran>; stop(): void } {
  let runner: ChildProcess | undefined
  const stop = (): void => {
    if (runner?.pid !== undefined) process.kill(-runner.pid, 'SIGKILL')
    runner = undefined
  }
  const begun = async (): Promise<ChildProcess> => {
    const env = { ...process.env, VMBUS_TIER: undefined, NO_COLOR: '1' }
    const script = join(root, 'tests/regressions/runner.mjs')
    const child = fork(script, { cwd: root, detached: true, stdio: 'ignore', env, execArgv: [] })
    child.once('exit', () => {
      if (runner === child) runner = undefined
    })
    if ((await answerOf(child)) !== 'ready') throw new Error('the runner of tests did not start')
    return child
  }
  return {
    stop,
    async run(request) {
      runner ??= await begun()
      const answer = answerOf(runner)
      runner.send(request)
      const ran = (await answer) as Omit<Ran, 'hung'> | undefined
      if (ran !== undefined) return { ...ran, hung: false }
      stop()
      return { ran: true, failed: true, hung: true, output: '' }
    },
  }
}

/** What a runner says next; undefined when it says nothing in time. One that ends instead is a fault of ours, and no test that failed. */
async function answerOf(runner: ChildProcess): Promise<unknown> {
  const settled = new AbortController()
  const { signal } = settled
  const ended = async (): Promise<never> => {
    const [code] = (await once(runner, 'exit', { signal })) as unknown[]
    throw new Error(`the runner of tests ended with ${String(code)}`)
  }
  const said = async (): Promise<unknown> => ((await once(runner, 'message', { signal })) as unknown[])[0]
  try {
    return await Promise.race([said(), ended(), setTimeout(PATIENCE_MS, undefined, { signal })])
  } finally {
    settled.abort()
  }
}

/** A name as a pattern that means it; vitest matches what stands for values in names as well. */
function escape(name: string): string {
  return name.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}

export const patches = (): string[] => readdirSync(DEFECTS).filter((file) => file.endsWith('.patch'))
