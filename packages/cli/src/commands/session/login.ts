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
    caFile: {
      flags: '--ca-file <path>',
      description: 'the certificates of a private authority, which alone may vouch for this server from now on',
    },
    ...jsonOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock login --server https://twinlock.example.com', 'in a terminal'],
    ['twinlock login --server http://127.0.0.1:3000 < twinlock-state/admin-token', 'from a file'],
    ['twinlock login --server https://twinlock.internal --ca-file company-ca.pem', 'behind a private authority'],
  ],
  run: async (ctx, input) => (await import('../../identity/login.ts')).login(ctx, input),
})
