import { defineCommand } from '../../define-command.ts'
import { jsonOptions, serverOption, yesOption } from '../shared-options.ts'

export const revokeTokensCommand = defineCommand({
  path: ['token', 'revoke'],
  summary: 'Revoke a token, or all of a user',
  args: [{ name: 'id', description: 'of the token, as in twinlock token list; left out with --all' }],
  options: {
    all: { flags: '--all', description: 'every token of --user' },
    user: { flags: '--user <name>', description: 'whose, with --all' },
    ...yesOption,
    ...jsonOptions,
    ...serverOption,
  },
  examples: [
    ['twinlock token revoke tok_01jd5hx0000000000000000001', 'one'],
    ['twinlock token revoke --all --user alice', 'when a laptop was lost'],
  ],
  run: async (ctx, input) => (await import('../../identity/revoke-tokens.ts')).revokeTokens(ctx, input),
})
