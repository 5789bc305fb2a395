import { defineCommand } from '../../define-command.ts'
import { jsonOptions, requestArgument, serverOption } from '../shared-options.ts'

export const showRequestCommand = defineCommand({
  path: ['request', 'show'],
  summary: 'Tell the story of a request: what, who decided, what ran',
  args: [requestArgument],
  options: { ...jsonOptions, ...serverOption },
  examples: [['twinlock request show 1042', 'what it waits for, or what became of it']],
  run: async (ctx, input) => (await import('../../requests/show-request.ts')).showRequest(ctx, input),
})
