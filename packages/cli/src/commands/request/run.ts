import { defineCommand } from '../../define-command.ts'
import { requestArgument, resultOptions, serverOption, waitOptions } from '../shared-options.ts'

export const runCommand = defineCommand({
  path: ['run'],
  summary: 'Run an approved request of yours, or go on waiting for it',
  args: [requestArgument],
  options: { ...waitOptions, ...resultOptions, ...serverOption },
  examples: [
    ['twinlock run 1042', 'run it and print its rows'],
    ['twinlock run 1042 --wait=15m --json', 'wait up to 15 minutes for approval and result'],
  ],
  run: async (ctx, input) => (await import('../../requests/run-request.ts')).runRequest(ctx, input),
})
