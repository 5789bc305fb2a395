import { defineCommand } from '../../define-command.ts'
import { formatOptions, serverOption } from '../shared-options.ts'

export const listUsersCommand = defineCommand({
  path: ['user', 'list'],
  aliases: ['ls'],
  summary: 'List the users and their roles',
  args: [],
  options: {
    status: {
      flags: '-s, --status <status>',
      description: 'only these: active, suspended or removed',
      choices: ['active', 'suspended', 'removed'],
    },
    ...formatOptions,
    ...serverOption,
  },
  examples: [['twinlock user list', 'everybody, by name']],
  run: async (ctx, input) => (await import('../../identity/list-users.ts')).listUsers(ctx, input),
})
