import { execFileSync } from 'node:child_process'
import { main } from '@vmbus/matrix'
import { describe, expect, it } from 'vitest'

async function script(shell: string): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const streams = { out: (part: string) => void (out += part), err: (part: string) => void (err += part) }
  return { code: await main(['completion', shell], streams, new AbortController().signal), out, err }
}

/** What bash offers for the last of these words. */
async function offered(...words: string[]): Promise<string[]> {
  const { out } = await script('bash')
  const ask = `COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _vmbus; printf '%s\\n' "\${COMPREPLY[@]}"`
  const text = execFileSync('bash', ['-c', `${out}\n${ask}`, 'bash', 'vmbus', ...words], { encoding: 'utf8' })
  return text.split('\n').filter((word) => word !== '')
}

describe('completion in bash', () => {
  it.each([
    [['ma'], ['matrix']],
    [['can'], ['can-run']],
    [
      ['matrix', '--s'],
      ['--seed', '--shard', '--since'],
    ],
    [
      ['matrix', '--host', 'ws201'],
      ['ws2012', 'ws2012r2', 'ws2016', 'ws2019'],
    ],
    [['matrix', '--feature', 'tr'], ['trim']],
    [
      ['merge', '--j'],
      ['--json', '--junit'],
    ],
    [['merge', 'results'], []],
  ])('%j offers %j', async (words, expected) => {
    expect((await offered(...words)).toSorted()).toEqual(expected.toSorted())
  })
})

describe('completion in other shells', () => {
  it('is a line for each command and option in fish, and the script of bash in zsh', async () => {
    const fish = (await script('fish')).out
    expect(fish).toMatch(/^complete -c vmbus -n __fish_use_subcommand -a explain -d 'say in one paragraph/m)
    expect(fish).toMatch(/^complete -c vmbus -n '__fish_seen_subcommand_from matrix' -l feature .* -xa 'core .*trim/m)
    expect((await script('zsh')).out).toMatch(/^autoload -U \+X bashcompinit && bashcompinit\n_vmbus\(\)/)
  })

  it('that nobody knows is bad usage', async () => {
    expect(await script('tcsh')).toMatchObject({
      code: 2,
      out: '',
      err: 'vmbus: unknown shell: tcsh (one of bash, zsh, fish) (VMBUS_USAGE)\n',
    })
  })
})
