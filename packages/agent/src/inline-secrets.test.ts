// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the configuration's own syntax
import { expect, test } from 'vitest'
import { holdsInlineSecret } from './inline-secrets.ts'

const HEX = 'a'.repeat(64)
const text = ({ token = '${TWINLOCK_AGENT_TOKEN}', url = '${DATABASE_URL}', more = '' }) =>
  `agent_id = "a"\n[server]\nurl = "https://twinlock.example.com"\ntoken = "${token}"\n[databases.app.production]\nurl = "${url}"\n${more}`

test.each([
  ['references alone', {}],
  ['files', { token: '${file:/run/secrets/token}', url: '${file:/run/secrets/url}' }],
  ['a secret put together from references', { token: 'twl_agent_${SECRET}_${FINGERPRINT}' }],
  ["the key's fingerprint, which is public", { token: `twl_agent_\${SECRET}_${HEX}` }],
  ['a password by reference', { url: 'postgres://app:${PASSWORD}@db:5432/app' }],
  ['no password', { url: 'postgres://app@db:5432/app' }],
  ['a default without a password', { url: '${DATABASE_URL:-postgres://app@127.0.0.1/app}' }],
  ['a port and a query', { url: 'postgres://db:5432/app?sslmode=require' }],
])('%s: no secret', (_title, parts) => {
  expect(holdsInlineSecret(text(parts))).toBe(false)
})

test.each([
  ['a token', { token: `twl_agent_${HEX}` }],
  ['a token with its fingerprint', { token: `twl_agent_${HEX}_${HEX}` }],
  ['a token as a default', { token: `\${TWINLOCK_AGENT_TOKEN:-twl_agent_${HEX}}` }],
  ['a token in escapes', { token: `twl\\u005fagent_${HEX}` }],
  ['a password', { url: 'postgres://app:hunter2@db/app' }],
  ['a password with a reference in it', { url: 'postgres://app:hunter2${MORE}@db/app' }],
  ['a password beside a reference', { url: 'postgres://app:hunter2@${HOST}:${PORT}/app' }],
  ['a password with a dollar and a brace', { url: 'postgres://app:$${hunter2@db/app' }],
  ['a password in the query', { url: 'postgres://db/app?user=app&password=hunter2' }],
  ['a password as a default', { url: '${DATABASE_URL:-postgres://app:hunter2@db/app}' }],
  ['a password of the read-only url', { more: 'url_read_only = "postgres://ro:hunter2@db/app"' }],
])('%s: a secret', (_title, parts) => {
  expect(holdsInlineSecret(text(parts))).toBe(true)
})
