import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption } from '../shared-options.ts'

export const whoamiCommand = defineCommand({
  path: ['whoami'],
  summary: 'Show who you are to which server',
  args: [],
  options: { ...jsonOptions, ...serverOption },
  examples: [['twinlock whoami', 'name, roles, server and when the token ends']],
  run: async (ctx) => (await import('../../identity/whoami.ts')).whoami(ctx),
})
