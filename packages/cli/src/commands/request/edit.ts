import { defineCommand } from '../../define-command.ts'
import { requestArgument, resultOptions, serverOption, waitOptions } from '../shared-options.ts'

export const editRequestCommand = defineCommand({
  path: ['request', 'edit'],
  summary: 'Submit an edited version of a request of yours in its place',
  description:
    'Opens the SQL in $VISUAL or $EDITOR, or takes it as an argument or from a file. The edited version is a new request ' +
    'that needs its own approvals; the old one is withdrawn with the same change. Unchanged SQL does nothing.',
  args: [requestArgument, { name: 'sql', description: 'the whole new SQL, quoted as one argument' }],
  options: {
    file: { flags: '-f, --file <path>', description: 'read the SQL from a file; - is stdin' },
    reason: { flags: '-r, --reason <text>', description: 'another reason (default: that of the old one)' },
    yes: { flags: '-y, --yes', description: 'do not ask after the editor' },
    ...waitOptions,
    ...resultOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock request edit 1042', 'in your editor'],
    ['twinlock request edit 1042 -f fix.sql', 'from a file'],
  ],
  run: async (ctx, input) => (await import('../../requests/edit-request.ts')).editRequest(ctx, input),
})
