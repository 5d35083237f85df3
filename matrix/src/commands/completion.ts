import type { Command } from 'commander'
import { oneOf } from './arguments.ts'
import type { Named } from './names.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** What follows an option; names with blanks are left to be typed. */
const valuesOf = ({ hosts, features }: Named): Readonly<Record<string, readonly string[]>> => ({
  '--host': hosts.map(({ id }) => id),
  '--feature': features.map(({ id }) => id),
  '--fail-on': ['differs', 'unexplained', 'our-bug', 'worse'],
})

const flagsOf = (command: Command): readonly string[] =>
  command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]))

/** A script that a shell reads to complete commands, options and the names that an option takes; files stand for the rest. */
export function completionText(program: Command, shell: string, known: Named): string {
  const commands = program.commands.map((command) => ({ name: command.name(), flags: flagsOf(command) }))
  if (oneOf('shell', SHELLS, shell) === 'fish') return fishText(program, known)
  const values = Object.entries(valuesOf(known)).map(([flag, list]) => `    ${flag}) words='${list.join(' ')}' ;;`)
  const flags = commands.map(({ name, flags: own }) => `    ${name}) words='${own.join(' ')}' ;;`)
  const bash = `_vmbus() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=
  case $prev in
${values.join('\n')}
  esac
  if [ -z "$words" ] && [ "$COMP_CWORD" -eq 1 ]; then words='${commands.map(({ name }) => name).join(' ')}'; fi
  if [ -z "$words" ]; then case \${COMP_WORDS[1]} in
${flags.join('\n')}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _vmbus vmbus
`
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bash}` : bash
}

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`

function fishText(program: Command, known: Named): string {
  const values = valuesOf(known)
  const lines = program.commands.flatMap((command) => {
    const name = command.name()
    const options = command.options.flatMap(({ long, description }) => {
      if (long === undefined || long === null) return []
      const list = values[long]
      const given = list === undefined ? '' : ` -xa ${quoted(list.join(' '))}`
      return [
        `complete -c vmbus -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)} -d ${quoted(description)}${given}`,
      ]
    })
    return [`complete -c vmbus -n __fish_use_subcommand -a ${name} -d ${quoted(command.description())}`, ...options]
  })
  return `${lines.join('\n')}\n`
}
