import type pg from 'pg'

/** A transaction whose agent is gone, or cut off, holds its locks no longer than this. */
export const IDLE_IN_TRANSACTION = '60s'

/** Given at start-up, so that a reset of the session returns to them, whatever is the default of a role or database. */
export const pinnedSettings: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  TimeZone: 'UTC',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION,
  // Nobody reads notices, and a loop can send any number of them.
  client_min_messages: 'error',
  // These too decide what a text means, and are refused in statements.
  backslash_quote: 'safe_encoding',
  transform_null_equals: 'off',
  array_nulls: 'on',
  xmloption: 'content',
}

/** The text that the driver sends and reads depends on these: a session that changes one is closed. */
export const REQUIRED_PARAMETERS: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
}

export const IDLE_APPLICATION_NAME = 'twinlock'

/** Parameters of the URL that pg may read; all others would override what is pinned here. */
const KEPT_PARAMETERS = new Set([
  'host',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslnegotiation',
  'uselibpqcompat',
])

export function toClientConfig(url: string, ca: string | undefined): pg.ClientConfig {
  const parsed = parseUrl(url)
  const given = parsed.searchParams.get('options')
  for (const name of [...parsed.searchParams.keys()]) {
    // A CA of our own means TLS, verified against it, whatever the URL asks for.
    if (!KEPT_PARAMETERS.has(name) || (ca !== undefined && name.startsWith('ssl'))) parsed.searchParams.delete(name)
  }
  const pinned = Object.entries(pinnedSettings).map(([name, value]) => `-c ${name}=${value}`)
  return {
    connectionString: parsed.href,
    options: [...(given === null ? [] : [given]), ...pinned].join(' '),
    application_name: IDLE_APPLICATION_NAME,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...(ca === undefined ? {} : { ssl: { ca, rejectUnauthorized: true } }),
  }
}

/** PostgreSQL cuts a longer name anyway, inside a character if need be. */
export function toApplicationName(name: string): string {
  let cut = name
  while (Buffer.byteLength(cut) > 63) cut = [...cut].slice(0, -1).join('')
  return cut
}

/** The parser's own error would quote the URL and with it the password. */
function parseUrl(url: string): URL {
  const parsed = URL.parse(url)
  if (parsed === null || !['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    throw new TypeError(
      'The URL of a PostgreSQL target must have the form postgres://user:password@host:port/database.',
    )
  }
  return parsed
}
