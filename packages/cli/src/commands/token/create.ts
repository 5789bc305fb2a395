import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption } from '../shared-options.ts'

export const createTokenCommand = defineCommand({
  path: ['token', 'create'],
  summary: 'Create a token for a user or an agent; it is shown once',
  description: 'The token alone goes to stdout.',
  args: [{ name: 'user', description: 'whose token; left out with --agent' }],
  options: {
    agent: { flags: '--agent', description: "an agent's token, bound to --target" },
    target: {
      flags: '-t, --target <database/environment>',
      description: 'what the agent may serve; may be repeated',
      repeatable: true,
    },
    label: { flags: '--label <text>', description: 'what it is for; shown in lists' },
    expiresIn: { flags: '--expires-in <duration>', description: 'such as 12h or 90d (default: as the server decides)' },
    ...jsonOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock token create bob --label laptop --expires-in 90d', 'for a person'],
    ['twinlock token create --agent --target app/production > agent-token', 'for an agent, into a file'],
  ],
  run: async (ctx, input) => (await import('../../identity/create-token.ts')).createToken(ctx, input),
})
