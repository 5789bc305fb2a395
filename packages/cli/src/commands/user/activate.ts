import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption } from '../shared-options.ts'

export const activateUserCommand = defineCommand({
  path: ['user', 'activate'],
  summary: 'Let a suspended user back in',
  args: [{ name: 'name', description: 'the user', required: true }],
  options: { ...jsonOptions, ...serverOption },
  examples: [['twinlock user activate alice', 'tokens work again, requests go on']],
  run: async (ctx, input) => (await import('../../identity/activate-user.ts')).activateUser(ctx, input),
})
