import { defineCommand } from '../../define-command.ts'
import { jsonOptions, roleOptions, serverOption } from '../shared-options.ts'

export const createUserCommand = defineCommand({
  path: ['user', 'create'],
  summary: 'Create a user',
  args: [{ name: 'name', description: 'lower-case letters, digits, dots, dashes', required: true }],
  options: {
    ...roleOptions,
    ...jsonOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock user create bob --role developer --role approver', 'then: twinlock token create bob'],
    ['twinlock user create carol --role developer@app/staging', 'for one target alone'],
  ],
  run: async (ctx, input) => (await import('../../identity/create-user.ts')).createUser(ctx, input),
})
