import type { TokenView } from '@twinlock/contract'

export function tokenState(token: TokenView, now: number): 'active' | 'revoked' | 'expired' {
  if (token.revoked_at !== null) return 'revoked'
  return token.expires_at !== null && Date.parse(token.expires_at) <= now ? 'expired' : 'active'
}
