import { defineCommand } from '../../define-command.ts'
import { jsonOptions, requestArgument, serverOption } from '../shared-options.ts'

export const rejectCommand = defineCommand({
  path: ['reject'],
  summary: 'Reject a request at its current step',
  args: [requestArgument],
  options: {
    comment: { flags: '-c, --comment <text>', description: 'say why; the requester reads it' },
    ...jsonOptions,
    ...serverOption,
  },
  examples: [['twinlock reject 1042 --comment "wrong order number"', 'and say why']],
  run: async (ctx, input) => (await import('../../requests/reject-request.ts')).rejectRequest(ctx, input),
})
