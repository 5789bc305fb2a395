import { defineCommand } from '../../define-command.ts'
import { formatOptions, serverOption } from '../shared-options.ts'

export const listRolesCommand = defineCommand({
  path: ['role', 'list'],
  aliases: ['ls'],
  summary: 'List the roles and what each may do',
  args: [],
  options: { ...formatOptions, ...serverOption },
  examples: [['twinlock role list -o vertical', 'a role after another']],
  run: async (ctx, input) => (await import('../../identity/list-roles.ts')).listRoles(ctx, input),
})
