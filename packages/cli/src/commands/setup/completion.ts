import { defineCommand } from '../../define-command.ts'

export const completionCommand = defineCommand({
  path: ['completion'],
  summary: 'Print a script that completes commands, options and their values in a shell',
  args: [{ name: 'shell', description: 'bash, zsh or fish', required: true, choices: ['bash', 'zsh', 'fish'] }],
  options: {},
  examples: [
    ['source <(twinlock completion bash)', 'in this shell; also for zsh'],
    ['twinlock completion fish > ~/.config/fish/completions/twinlock.fish', 'from now on'],
  ],
  run: async (ctx, input) => (await import('../../completion/print-completion.ts')).printCompletion(ctx, input),
})
