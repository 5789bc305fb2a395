import { defineCommand } from '../../define-command.ts'
import { jsonOptions } from '../shared-options.ts'

export const initCommand = defineCommand({
  path: ['init'],
  summary: 'Write a starter twinlock-server.toml and twinlock-agent.toml here',
  description: 'Asks a few questions. Never overwrites a file.',
  args: [],
  options: {
    yes: { flags: '-y, --yes', description: 'do not ask: take the defaults (the way without a terminal)' },
    ...jsonOptions,
  },
  examples: [
    ['twinlock init', 'a few questions, two files'],
    ['twinlock init --yes', 'the defaults: database app, development and production'],
  ],
  run: async (ctx, input) => (await import('../../setup/init-project.ts')).initProject(ctx, input),
})
