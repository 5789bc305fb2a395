import { defineCommand } from '../../define-command.ts'
import { cancelWaitOptions, jsonOptions, requestArgument, serverOption } from '../shared-options.ts'

export const cancelRequestCommand = defineCommand({
  path: ['request', 'cancel'],
  summary: 'Withdraw a request',
  description: 'Nobody can approve or run it any more. While an execution of it runs, that has to be said as well.',
  args: [requestArgument],
  options: {
    reason: { flags: '-r, --reason <text>', description: 'why; it is shown with the request' },
    alsoCancelExecution: { flags: '--also-cancel-execution', description: 'stop what runs, too' },
    ...cancelWaitOptions,
    ...jsonOptions,
    ...serverOption,
  },
  examples: [['twinlock request cancel 1042 --reason "not needed any more"', 'nobody can approve or run it any more']],
  run: async (ctx, input) => (await import('../../requests/cancel-request.ts')).cancelRequest(ctx, input),
})
