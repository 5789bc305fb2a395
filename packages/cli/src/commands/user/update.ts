import { defineCommand } from '../../define-command.ts'
import { jsonOptions, roleOptions, serverOption } from '../shared-options.ts'

export const updateUserCommand = defineCommand({
  path: ['user', 'update'],
  summary: "Replace a user's roles",
  args: [{ name: 'name', description: 'the user', required: true }],
  options: { ...roleOptions, ...jsonOptions, ...serverOption },
  examples: [['twinlock user update alice --role developer --role approver@app/staging', 'these, and no others']],
  run: async (ctx, input) => (await import('../../identity/update-user.ts')).updateUser(ctx, input),
})
