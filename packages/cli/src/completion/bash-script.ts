import type { CompletionNode } from './completion-tree.ts'

export function bashScript(tree: readonly CompletionNode[]): string {
  return `# twinlock completion for bash. To have it always: twinlock completion bash > ~/.local/share/bash-completion/completions/twinlock
_twinlock() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${at:+$at }\${COMP_WORDS[i]}" in
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
complete -F _twinlock twinlock twl
`
}

function spellingCases({ path, spellings }: CompletionNode): string[] {
  if (path === '') return []
  return [`      ${spellings.map(quoted).join('|')}) at=${quoted(path)} ;;`]
}

function valueCases({ path, options }: CompletionNode): string[] {
  return options.flatMap(({ names, value }) => {
    if (!value) return []
    const reply = value.isFile
      ? 'COMPREPLY=($(compgen -f -- "$cur"))'
      : `COMPREPLY=($(compgen -W ${quoted(value.choices.join(' '))} -- "$cur"))`
    return [`    ${names.map((name) => quoted(`${path}:${name}`)).join('|')}) ${reply}; return ;;`]
  })
}

function wordsCase({ path, words, options }: CompletionNode): string {
  const all = [...words.map(({ word }) => word), ...options.flatMap(({ names }) => names)]
  return `    ${quoted(path)}) COMPREPLY=($(compgen -W ${quoted(all.join(' '))} -- "$cur")) ;;`
}

function quoted(text: string): string {
  return `'${text}'`
}
