import { defineCommand } from '../../define-command.ts'
import { jsonOptions, requestArgument, serverOption } from '../shared-options.ts'

export const commentRequestCommand = defineCommand({
  path: ['request', 'comment'],
  summary: 'Comment on a request',
  args: [requestArgument, { name: 'text', description: 'the comment, quoted as one argument', required: true }],
  options: { ...jsonOptions, ...serverOption },
  examples: [['twinlock request comment 1042 "why not in one transaction?"', 'all who may see it read it']],
  run: async (ctx, input) => (await import('../../requests/comment-request.ts')).commentRequest(ctx, input),
})
