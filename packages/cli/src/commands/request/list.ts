import { defineCommand } from '../../define-command.ts'
import { formatOptions, serverOption } from '../shared-options.ts'

export const listRequestsCommand = defineCommand({
  path: ['request', 'list'],
  aliases: ['ls'],
  summary: 'List the requests you may see, newest first',
  args: [],
  options: {
    status: {
      flags: '-s, --status <status>',
      description: 'only these: pending, approved, completed, rejected, expired or cancelled',
      choices: ['pending', 'approved', 'completed', 'rejected', 'expired', 'cancelled'],
    },
    target: { flags: '-t, --target <target>', description: 'only on this one: app/production, or app for all of it' },
    requester: { flags: '--requester <name>', description: 'only those of this person' },
    mine: { flags: '--mine', description: 'only your own' },
    limit: { flags: '-n, --limit <count>', description: 'how many at most (default: 50)' },
    ...formatOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock request list --status pending', 'what waits for somebody'],
    ['twinlock request list --mine -t app/production', 'what became of your own'],
    ['twinlock request list -n 500 -o csv', 'the latest 500'],
  ],
  run: async (ctx, input) => (await import('../../requests/list-requests.ts')).listRequests(ctx, input),
})
