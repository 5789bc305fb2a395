import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption } from '../shared-options.ts'

export const doctorCommand = defineCommand({
  path: ['doctor'],
  summary: 'Check server, identity, clock, targets, TLS and configuration: what is wrong and what to do',
  args: [],
  options: { ...jsonOptions, ...serverOption },
  examples: [
    ['twinlock doctor', 'when something does not work'],
    ['twinlock doctor --json', 'for monitoring: exits 1 when there is a problem'],
  ],
  run: async (ctx, input) => (await import('../../doctor/run-doctor.ts')).runDoctor(ctx, input),
})
