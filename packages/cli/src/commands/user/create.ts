import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption } from '../shared-options.ts'

export const createUserCommand = defineCommand({
  path: ['user', 'create'],
  summary: 'Create a user',
  args: [{ name: 'name', description: 'lower-case letters, digits, dots, dashes', required: true }],
  options: {
    role: {
      flags: '--role <role>',
      description: 'admin, developer, readonly, approver, operator or auditor; may be repeated',
      repeatable: true,
    },
    ...jsonOptions,
    ...serverOption,
  },
  examples: [['twinlock user create bob --role developer --role approver', 'then: twinlock token create bob']],
  run: async (ctx, input) => (await import('../../identity/create-user.ts')).createUser(ctx, input),
})
