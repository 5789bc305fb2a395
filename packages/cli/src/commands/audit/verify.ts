import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption } from '../shared-options.ts'

export const verifyAuditCommand = defineCommand({
  path: ['audit', 'verify'],
  summary: 'Check the audit log: every record, in order, unchanged',
  description:
    'Downloads the audit log and checks every hash on this machine. The verified end of the log is remembered for each ' +
    'server: a log that has become shorter, or whose past has changed, is found the next time.',
  args: [],
  options: {
    file: { flags: '-f, --file <path>', description: 'check an export on disk instead; - is stdin' },
    format: { flags: '-o, --format <format>', description: 'table (the default) or json', choices: ['table', 'json'] },
    ...jsonOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock audit verify', "the server's log"],
    ['twinlock audit verify --file export.ndjson --json', 'a file, offline'],
  ],
  run: async (ctx, input) => (await import('../../audit/verify-audit.ts')).verifyAudit(ctx, input),
})
