import { defineCommand } from '../../define-command.ts'
import { resultOptions, serverOption, targetOptions, waitOptions } from '../shared-options.ts'

export const executeCommand = defineCommand({
  path: ['execute'],
  aliases: ['exec'],
  summary: 'Run SQL on a target, once it is approved',
  description:
    'Asks for SQL to be run. What policy lets through runs at once and prints its rows; what needs approval waits for it ' +
    'in a terminal, and exits 4 without one.',
  args: [{ name: 'sql', description: 'the SQL, quoted as one argument' }],
  options: {
    file: { flags: '-f, --file <path>', description: 'read the SQL from a file; - is stdin' },
    ...targetOptions,
    reason: { flags: '-r, --reason <text>', description: 'why; reviewers read it' },
    onApproval: { flags: '--on-approval', description: 'run as soon as it is approved, whether or not somebody waits' },
    replaces: { flags: '--replaces <request>', description: 'withdraw this request of yours with the same change' },
    ...waitOptions,
    ...resultOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock execute "select count(*) from orders" -t app/production', 'a read'],
    ['twinlock execute -f fix.sql -t app/production --reason "INC-204"', 'a change, from a file'],
    ['twinlock execute "select * from orders" -t app/staging -o csv > orders.csv', 'rows for another program'],
  ],
  run: async (ctx, input) => (await import('../../requests/submit-sql.ts')).submitSql(ctx, input),
})
