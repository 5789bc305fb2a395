import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption, yesOption } from '../shared-options.ts'

export const pauseTargetCommand = defineCommand({
  path: ['target', 'pause'],
  summary: 'Stop a target: nothing more is given to its agents',
  description:
    'The stop button in an incident. New executions wait until the target is resumed; with --cancel-executions those that wait or run are cancelled.',
  args: [{ name: 'target', description: 'database/environment, like app/production', required: true }],
  options: {
    reason: { flags: '-r, --reason <text>', description: 'why; whoever waits reads it' },
    cancelExecutions: { flags: '--cancel-executions', description: 'cancel what waits and what runs, too' },
    ...yesOption,
    ...jsonOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock target pause app/production --reason "INC-207"', 'what runs ends by itself'],
    ['twinlock target pause app/production --cancel-executions', 'the stop button'],
  ],
  run: async (ctx, input) => (await import('../../targets/pause-target.ts')).pauseTarget(ctx, input),
})
