import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption } from '../shared-options.ts'

export const showUserCommand = defineCommand({
  path: ['user', 'show'],
  summary: 'Show a user: roles, tokens, when they were last seen',
  args: [{ name: 'name', description: 'the user', required: true }],
  options: { ...jsonOptions, ...serverOption },
  examples: [['twinlock user show alice', 'who alice is here']],
  run: async (ctx, input) => (await import('../../identity/show-user.ts')).showUser(ctx, input),
})
