import { defineCommand } from '../../define-command.ts'
import { requestArgument, resultOptions, serverOption } from '../shared-options.ts'

export const resultCommand = defineCommand({
  path: ['result'],
  summary: 'Print the result of a request, once it is there',
  args: [requestArgument],
  options: {
    execution: { flags: '--execution <id>', description: 'of this execution instead of the latest' },
    wait: {
      flags: '--wait [duration]',
      description: 'how long to wait while it runs (default: until it has ended)',
      negatable: 'do not wait: exit 4 while it runs',
    },
    ...resultOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock result 1042', 'the rows of its latest execution'],
    ['twinlock result 1042 -o jsonl | head', 'a row a line'],
  ],
  run: async (ctx, input) => (await import('../../requests/show-result.ts')).showResult(ctx, input),
})
