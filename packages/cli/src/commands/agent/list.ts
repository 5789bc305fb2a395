import { defineCommand } from '../../define-command.ts'
import { formatOptions, serverOption } from '../shared-options.ts'

export const listAgentsCommand = defineCommand({
  path: ['agents'],
  summary: 'List the agents: version, targets, when they were last seen',
  args: [],
  options: { ...formatOptions, ...serverOption },
  examples: [['twinlock agents', 'who is there to run things']],
  run: async (ctx, input) => (await import('../../targets/list-agents.ts')).listAgents(ctx, input),
})
