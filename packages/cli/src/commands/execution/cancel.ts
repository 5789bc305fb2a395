import { defineCommand } from '../../define-command.ts'
import { cancelWaitOptions, jsonOptions, requestArgument, serverOption } from '../shared-options.ts'

export const cancelCommand = defineCommand({
  path: ['cancel'],
  summary: 'Stop a request: cancel what runs, or withdraw it when nothing does',
  description:
    'What runs is cancelled in the database, and what became of it is said: rolled back, or too late. The request ' +
    'itself stays approved as far as it was. What does not run yet is withdrawn.',
  args: [requestArgument],
  options: {
    reason: { flags: '-r, --reason <text>', description: 'why; it is shown with the request' },
    ...cancelWaitOptions,
    ...jsonOptions,
    ...serverOption,
  },
  examples: [['twinlock cancel 1042', 'stop it, and see what was rolled back']],
  run: async (ctx, input) => (await import('../../requests/cancel-request.ts')).cancel(ctx, input),
})
