import { defineCommand } from '../../define-command.ts'
import { formatOptions, serverOption } from '../shared-options.ts'

export const listTokensCommand = defineCommand({
  path: ['token', 'list'],
  aliases: ['ls'],
  summary: "List your tokens, somebody's or all: label, expiry, last use",
  args: [],
  options: {
    user: { flags: '--user <name>', description: 'whose; for those who may see it' },
    all: { flags: '--all', description: "everybody's, and the agents'" },
    kind: { flags: '--kind <kind>', description: 'only those of a user or of an agent', choices: ['user', 'agent'] },
    ...formatOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock token list', 'your own'],
    ['twinlock token list --kind agent', 'what agents show'],
  ],
  run: async (ctx, input) => (await import('../../identity/list-tokens.ts')).listTokens(ctx, input),
})
