import { defineCommand } from '../../define-command.ts'
import { formatOptions, serverOption } from '../shared-options.ts'

export const listTargetsCommand = defineCommand({
  path: ['databases'],
  aliases: ['targets'],
  summary: 'List the targets you may see: dialect, state, agents',
  args: [],
  options: { ...formatOptions, ...serverOption },
  examples: [
    ['twinlock databases', 'what there is, and who serves it'],
    ['twinlock databases --json', 'with every agent of each'],
  ],
  run: async (ctx, input) => (await import('../../targets/list-targets.ts')).listTargets(ctx, input),
})
