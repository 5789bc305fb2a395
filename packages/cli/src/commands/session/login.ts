import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption } from '../shared-options.ts'

export const loginCommand = defineCommand({
  path: ['login'],
  summary: 'Keep a token for a server',
  description:
    'Asks for the token without showing it, or reads it from stdin; tries it; keeps it in a file only you may read.',
  args: [],
  options: {
    allowInsecure: { flags: '--allow-insecure', description: 'accept plain http:// to this server from now on' },
    ...jsonOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock login --server https://twinlock.example.com', 'in a terminal'],
    ['twinlock login --server http://127.0.0.1:3000 < twinlock-state/admin-token', 'from a file'],
  ],
  run: async (ctx, input) => (await import('../../identity/login.ts')).login(ctx, input),
})
