import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption } from '../shared-options.ts'

export const resumeTargetCommand = defineCommand({
  path: ['target', 'resume'],
  summary: 'Give executions of a paused target to agents again',
  args: [{ name: 'target', description: 'database/environment, like app/production', required: true }],
  options: { ...jsonOptions, ...serverOption },
  examples: [['twinlock target resume app/production', 'what waits goes on']],
  run: async (ctx, input) => (await import('../../targets/resume-target.ts')).resumeTarget(ctx, input),
})
