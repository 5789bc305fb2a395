import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption, yesOption } from '../shared-options.ts'

export const suspendUserCommand = defineCommand({
  path: ['user', 'suspend'],
  summary: 'Suspend a user: tokens stop working, open requests freeze',
  args: [{ name: 'name', description: 'the user', required: true }],
  options: {
    reason: { flags: '-r, --reason <text>', description: 'why; those who look at the user read it' },
    ...yesOption,
    ...jsonOptions,
    ...serverOption,
  },
  examples: [['twinlock user suspend alice --reason "laptop lost"', 'until: twinlock user activate alice']],
  run: async (ctx, input) => (await import('../../identity/suspend-user.ts')).suspendUser(ctx, input),
})
