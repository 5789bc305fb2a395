import { defineCommand } from '../../define-command.ts'
import { jsonOptions, requestArgument, serverOption } from '../shared-options.ts'

export const approveCommand = defineCommand({
  path: ['approve'],
  summary: 'Show a request and approve its current step',
  description:
    'Shows what would run, where and why, and asks. Without a terminal nothing is approved unless --yes is given.',
  args: [requestArgument],
  options: {
    comment: { flags: '-c, --comment <text>', description: 'the requester reads it' },
    yes: { flags: '-y, --yes', description: 'do not ask' },
    ...jsonOptions,
    ...serverOption,
  },
  examples: [['twinlock approve 1042 --comment "checked the ticket"', 'look at it, then decide']],
  run: async (ctx, input) => (await import('../../requests/approve-request.ts')).approveRequest(ctx, input),
})
