import { defineCommand } from '../../define-command.ts'
import { auditFilters, serverOption } from '../shared-options.ts'

export const tailAuditCommand = defineCommand({
  path: ['audit', 'tail'],
  summary: 'Follow the audit log: print events as they happen',
  args: [],
  options: {
    ...auditFilters,
    limit: { flags: '-n, --limit <count>', description: 'how many earlier ones to begin with (default: 10)' },
    format: {
      flags: '-o, --format <format>',
      description: 'table (a line each, the default) or jsonl',
      choices: ['table', 'jsonl'],
    },
    color: { flags: '--no-color', description: 'without colours, as with NO_COLOR' },
    ...serverOption,
  },
  examples: [
    ['twinlock audit tail', 'until Ctrl-C'],
    ['twinlock audit tail --type execution. -o jsonl', 'for another program'],
  ],
  run: async (ctx, input) => (await import('../../audit/tail-audit.ts')).tailAudit(ctx, input),
})
