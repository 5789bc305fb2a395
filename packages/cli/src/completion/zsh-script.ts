import type { CompletionNode } from './completion-tree.ts'

export function zshScript(tree: readonly CompletionNode[]): string {
  return `#compdef twinlock twl
# twinlock completion for zsh. To have it always: twinlock completion zsh > a folder of $fpath/_twinlock
_twinlock() {
  local at= i prev=\${words[CURRENT-1]}
  for ((i = 2; i < CURRENT; i++)); do
    case "\${at:+$at }\${words[i]}" in
${tree.flatMap(spellingCases).join('\n')}
    esac
  done
  case "$at:$prev" in
${tree.flatMap(valueCases).join('\n')}
  esac
  case "$at" in
${tree.map(wordsCase).join('\n')}
  esac
}
if [ "$funcstack[1]" = _twinlock ]; then _twinlock "$@"; else compdef _twinlock twinlock twl; fi
`
}

function spellingCases({ path, spellings }: CompletionNode): string[] {
  if (path === '') return []
  return [`      ${spellings.map((words) => `'${words}'`).join('|')}) at='${path}' ;;`]
}

function valueCases({ path, options }: CompletionNode): string[] {
  return options.flatMap(({ names, value }) => {
    if (!value) return []
    const reply = value.isFile ? '_files' : value.choices.length > 0 ? `compadd -- ${value.choices.join(' ')}` : ':'
    return [`    ${names.map((name) => `'${path}:${name}'`).join('|')}) ${reply}; return ;;`]
  })
}

function wordsCase({ path, words, options }: CompletionNode): string {
  const all = [...words.map(({ word }) => word), ...options.flatMap(({ names }) => names)]
  return `    '${path}') compadd -- ${all.join(' ')} ;;`
}
