import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption, yesOption } from '../shared-options.ts'

export const removeUserCommand = defineCommand({
  path: ['user', 'remove'],
  aliases: ['rm', 'delete'],
  summary: 'Remove a user for good; the name is not given again',
  args: [{ name: 'name', description: 'the user', required: true }],
  options: { ...yesOption, ...jsonOptions, ...serverOption },
  examples: [
    ['twinlock user remove alice', 'asks first'],
    ['twinlock user remove alice --yes', 'in a script'],
  ],
  run: async (ctx, input) => (await import('../../identity/remove-user.ts')).removeUser(ctx, input),
})
