import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const DEFECTS: string = fileURLToPath(new URL('./defects/', import.meta.url))

/** Folders that no test of a defect reads: what is built, and what is large. */
const LEFT_OUT = new Set(['dist', '.turbo', '.git'])

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
  for (const name of ['packages', 'scripts', 'package.json', 'vitest.config.ts', 'tsconfig.base.json']) {
    cpSync(join(ROOT, name), join(root, name), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => isWanted(path.slice(ROOT.length)),
    })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  /** What the files of the patch were before. */
  const originals = new Map<string, Uint8Array>()

  return {
    apply(patch) {
      const text = readFileSync(patch, 'utf8')
      for (const [, file = ''] of text.matchAll(/^\+\+\+ b\/(.+)$/gm))
        originals.set(file, readFileSync(join(root, file)))
      const { status, stdout, stderr } = spawnSync('git', ['apply', '--whitespace=nowarn', patch], {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() },
      })
      return status === 0 ? undefined : `${stdout}${stderr}`
    },
    revert() {
      for (const [file, bytes] of originals) writeFileSync(join(root, file), bytes)
      originals.clear()
    },
    run: (file, name) =>
      new Promise((resolve) => {
        const args = [
          'node_modules/vitest/vitest.mjs',
          'run',
          file,
          '-t',
          escape(name),
          '--bail=1',
          '--reporter=default',
        ]
        const child = spawn(process.execPath, args, {
          cwd: root,
          env: { ...process.env, VMBUS_TIER: undefined, NO_COLOR: '1' },
        })
        let output = ''
        for (const stream of [child.stdout, child.stderr])
          stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
        // A defect may hang a test: that is a failure, too.
        let hung = false
        const patience = setTimeout(() => {
          hung = true
          child.kill('SIGKILL')
        }, 90_000)
        child.on('close', (code) => {
          clearTimeout(patience)
          // Skipped ones are the others of the file; a file that does not load has none that failed.
          const ran = hung || /^ *Tests .*\b(?:passed|failed)/m.test(output)
          resolve({ ran, failed: code !== 0, hung, output })
        })
      }),
    dispose: () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** A name as a pattern that means it; vitest matches what stands for values in names as well. */
function escape(name: string): string {
  return name.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}

export const patches = (): string[] => readdirSync(DEFECTS).filter((file) => file.endsWith('.patch'))
