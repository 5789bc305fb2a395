import type { CompletionNode, CompletionOption } from './completion-tree.ts'

export function fishScript(tree: readonly CompletionNode[]): string {
  const lines = tree.flatMap((node) => [
    ...node.words.map(({ word, description }) => `${complete(node)} -a ${word}${about(description)}`),
    ...node.options.map((option) => `${complete(node)}${optionArguments(option)}${about(option.description)}`),
  ])
  return `# twinlock completion for fish. To have it always: twinlock completion fish > ~/.config/fish/completions/twinlock.fish
function __twinlock_at
    set -l at
    for word in (commandline -opc)[2..-1]
        switch (string join ' ' -- $at $word)
${tree.flatMap(spellingCases).join('\n')}
        end
    end
    test "$at" = "$argv[1]"
end
complete -c twl -w twinlock
complete -c twinlock -f
${lines.join('\n')}
`
}

function spellingCases({ path, spellings }: CompletionNode): string[] {
  if (path === '') return []
  return [
    `            case ${spellings.map((words) => `'${words}'`).join(' ')}`,
    `                set at ${path.split(' ').join(' ')}`,
  ]
}

function complete({ path }: CompletionNode): string {
  return `complete -c twinlock -n "__twinlock_at '${path}'"`
}

function optionArguments({ names, value }: CompletionOption): string {
  const flags = names.map((name) => (name.startsWith('--') ? ` -l ${name.slice(2)}` : ` -s ${name.slice(1)}`)).join('')
  if (!value) return flags
  if (value.isFile) return `${flags} -rF`
  return value.choices.length > 0 ? `${flags} -xa '${value.choices.join(' ')}'` : `${flags} -x`
}

function about(description: string): string {
  return description === '' ? '' : ` -d '${description.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
