import { defineCommand } from '../../define-command.ts'
import { auditFilters, formatOptions, serverOption } from '../shared-options.ts'

export const listAuditCommand = defineCommand({
  path: ['audit', 'list'],
  aliases: ['ls'],
  summary: 'List audit events, newest first',
  args: [],
  options: {
    ...auditFilters,
    since: { flags: '--since <time>', description: 'a duration like 2h or 7d, or a time like 2026-11-22T12:00:00Z' },
    until: { flags: '--until <time>', description: 'the same' },
    limit: { flags: '-n, --limit <count>', description: 'how many at most (default: 50)' },
    ...formatOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock audit list --since 24h --actor alice', 'what alice did'],
    ['twinlock audit list --type execution. --subject 1042', 'all about the executions of a request'],
    ['twinlock audit list --since 7d -n 10000 -o csv', 'for a spreadsheet'],
  ],
  run: async (ctx, input) => (await import('../../audit/list-audit.ts')).listAudit(ctx, input),
})
