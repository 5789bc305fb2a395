import { defineCommand } from '../../define-command.ts'
import { formatOptions, serverOption } from '../shared-options.ts'

export const inboxCommand = defineCommand({
  path: ['inbox'],
  summary: 'Show what waits for your decision, the oldest first',
  args: [],
  options: {
    watch: {
      flags: '-w, --watch',
      description: 'stay, and show what comes: drawn again in a terminal, lines in a pipe',
    },
    ...formatOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock inbox', 'what waits for you now'],
    ['twinlock inbox --watch', 'and what comes'],
    ['twinlock inbox --watch -o jsonl | your-notifier', 'for another program'],
  ],
  run: async (ctx, input) => (await import('../../requests/show-inbox.ts')).showInbox(ctx, input),
})
