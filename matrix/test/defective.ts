import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** What a package needs to be run; its links to the others are relative, and so lead to the copies. */
const PARTS = ['src', 'data', 'package.json', 'node_modules', 'defects']

/** Plays every probe, in the copy in which it stands, and prints those that are red. */
const PLAY = `
import { ws2022 } from '@vmbus/host'
import { guestOf } from './src/guests/guests.ts'
import { PROBES } from './src/probes/index.ts'
import { without } from './src/run/control.ts'
const red = await without({}, { guest: guestOf('ubuntu 24.04'), profile: ws2022, seed: 4, runs: 4, among: PROBES })
console.log(JSON.stringify(red.map(({ probe }) => probe)))
`

/** A copy of the sources in which historical defects are put back, one at a time. */
export interface Copy {
  /** Probes that are red with the defect, on Ubuntu 24.04 on Windows Server 2022. */
  redWith(defect: string): readonly string[]
  dispose(): void
}

function folders(): readonly string[] {
  return [...readdirSync(join(ROOT, 'packages')).map((name) => join('packages', name)), 'matrix']
}

export function copied(): Copy {
  const root = mkdtempSync(join(tmpdir(), 'vmbus-defects-'))
  for (const folder of folders())
    for (const part of PARTS.filter((each) => existsSync(join(ROOT, folder, each))))
      cpSync(join(ROOT, folder, part), join(root, folder, part), { recursive: true, verbatimSymlinks: true })
  for (const name of ['package.json', 'tsconfig.base.json']) cpSync(join(ROOT, name), join(root, name))
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  const script = join(root, 'matrix', 'play.ts')
  writeFileSync(script, PLAY)

  const git = (...args: readonly string[]): void => {
    const { status, stderr } = spawnSync('git', ['apply', '--whitespace=nowarn', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() },
    })
    if (status !== 0) throw new Error(stderr)
  }

  return {
    redWith(defect) {
      const patch = join(ROOT, 'tests/regressions/defects', `${defect}.patch`)
      git(patch)
      try {
        const tsx = pathToFileURL(join(ROOT, 'node_modules/tsx/dist/loader.mjs')).href
        const { stdout, stderr } = spawnSync(process.execPath, ['-C', '@vmbus/source', '--import', tsx, script], {
          cwd: root,
          encoding: 'utf8',
        })
        if (!stdout.startsWith('[')) throw new Error(stderr)
        return JSON.parse(stdout) as string[]
      } finally {
        git('-R', patch)
      }
    },
    dispose: () => rmSync(root, { recursive: true, force: true, maxRetries: 3 }),
  }
}
