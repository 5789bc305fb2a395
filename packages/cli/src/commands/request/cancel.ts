import { defineCommand } from '../../define-command.ts'
import { jsonOptions, requestArgument, serverOption } from '../shared-options.ts'

export const cancelRequestCommand = defineCommand({
  path: ['request', 'cancel'],
  summary: 'Withdraw a request',
  args: [requestArgument],
  options: {
    ...jsonOptions,
    ...serverOption,
  },
  examples: [['twinlock request cancel 1042', 'nobody can approve or run it any more']],
  run: async (ctx, input) => (await import('../../requests/cancel-request.ts')).cancelRequest(ctx, input),
})
