import { describe, expect, test } from 'vitest'
import { readAgentConfig } from './config.ts'

const FINGERPRINT = 'f'.repeat(64)
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is the configuration's own syntax
const REFERENCE = '"${TWINLOCK_AGENT_TOKEN}"'
const TOKEN = `twl_agent_${'a'.repeat(64)}_${FINGERPRINT}`
const VALID = `
agent_id = "prod-1"
state_dir = "/var/lib/twinlock-agent"
[server]
url = "https://twinlock.example.com"
token = "\${TWINLOCK_AGENT_TOKEN}"
[databases.app.production]
url = "postgres://app:hunter2@db:5432/app"
`
const ENV = { TWINLOCK_AGENT_TOKEN: TOKEN }

function read(text: string, env: Record<string, string> = ENV) {
  return readAgentConfig({ text, env, readFile: () => 'from-a-file' })
}

function problemsOf(text: string, env?: Record<string, string>) {
  const result = read(text, env)
  return result.ok ? [] : result.problems
}

describe('a valid configuration', () => {
  test('is read with its defaults, secrets apart', () => {
    const result = read(VALID)
    if (!result.ok) throw new Error('refused')
    expect(result.value.config).toEqual({
      agentId: 'prod-1',
      stateDir: '/var/lib/twinlock-agent',
      concurrency: 4,
      drainMs: 10_000,
      server: { url: 'https://twinlock.example.com', keyFingerprint: FINGERPRINT },
      targets: [{ database: 'app', environment: 'production', dialect: 'postgresql', ceiling: { operations: null } }],
    })
    expect(JSON.stringify(result.value.config)).not.toContain('hunter2')
    expect(result.value.secrets.token).toBe(TOKEN)
    expect(result.value.secrets.databases.get('app/production')).toEqual({ url: 'postgres://app:hunter2@db:5432/app' })
  })

  test('holds a local ceiling and a read-only url', () => {
    const result = read(
      `${VALID}operations = ["select"]\nstatement_timeout = "1m30s"\nlock_timeout = "2s"\nmax_rows = 10\nmax_result_bytes = "1MiB"\nmax_field_bytes = 1000\nurl_read_only = "postgresql://ro@db/app"\n`,
    )
    if (!result.ok) throw new Error('refused')
    expect(result.value.config.targets[0]?.ceiling).toEqual({
      operations: ['select'],
      statementTimeoutMs: 90_000,
      lockTimeoutMs: 2000,
      maxRows: 10,
      maxResultBytes: 1_048_576,
      maxFieldBytes: 1000,
    })
    expect(result.value.secrets.databases.get('app/production')?.urlReadOnly).toBe('postgresql://ro@db/app')
  })

  test('takes a token without a fingerprint, which is trust on first use', () => {
    const result = read(VALID, { TWINLOCK_AGENT_TOKEN: `twl_agent_${'a'.repeat(64)}` })
    expect(result).toMatchObject({ ok: true, value: { config: { server: { keyFingerprint: null } } } })
  })

  test('is overridden by the environment', () => {
    const result = read(VALID, { ...ENV, TWINLOCK_AGENT_ID: 'prod-2', TWINLOCK_SERVER_URL: 'http://127.0.0.1:3000' })
    expect(result).toMatchObject({
      ok: true,
      value: { config: { agentId: 'prod-2', server: { url: 'http://127.0.0.1:3000' } } },
    })
  })
})

const REPLACED: [title: string, from: string, to: string, path: string, message: RegExp][] = [
  ['an unknown key', 'agent_id', 'colour = "red"\nagent_id', 'colour', /no such key/],
  [
    'an unknown key of a target',
    'url = "postgres',
    'password = "x"\nurl = "postgres',
    'databases.app.production.password',
    /no such key/,
  ],
  ['a missing agent_id', 'agent_id = "prod-1"', '', 'agent_id', /missing/],
  ['a token that is none', REFERENCE, '"secret"', 'server.token', /agent token/],
  ["a user's token", REFERENCE, `"twl_user_${'a'.repeat(64)}"`, 'server.token', /agent token/],
  ['plain HTTP to elsewhere', 'https://twinlock', 'http://twinlock', 'server.url', /allow_insecure/],
  ['a server url that is none', 'https://twinlock.example.com', 'twinlock', 'server.url', /not a URL/],
  ['MySQL, which is not built yet', 'postgres://', 'mysql://', 'databases.app.production.url', /not built yet/],
  ['MariaDB, which is not built yet', 'postgres://', 'mariadb://', 'databases.app.production.url', /not built yet/],
  ['another scheme', 'postgres://', 'ftp://', 'databases.app.production.url', /postgres:\/\//],
  [
    'no databases',
    '[databases.app.production]\nurl = "postgres://app:hunter2@db:5432/app"',
    '[databases]',
    'databases',
    /at least one target/,
  ],
  ['a database name nobody may have', 'databases.app', 'databases."App/x"', 'databases.App/x', /./],
  [
    'an empty list of operations',
    '[databases.app.production]',
    '[databases.app.production]\noperations = []',
    'databases.app.production.operations',
    /at least one/,
  ],
  [
    'a timeout of nothing',
    '[databases.app.production]',
    '[databases.app.production]\nstatement_timeout = "0s"',
    'databases.app.production.statement_timeout',
    /duration/,
  ],
  [
    'a size in units that two people read differently',
    '[databases.app.production]',
    '[databases.app.production]\nmax_result_bytes = "1MB"',
    'databases.app.production.max_result_bytes',
    /100MiB/,
  ],
  [
    'a field of no size',
    '[databases.app.production]',
    '[databases.app.production]\nmax_field_bytes = 0',
    'databases.app.production.max_field_bytes',
    /bytes/,
  ],
  ['a concurrency of zero', 'agent_id', 'concurrency = 0\nagent_id', 'concurrency', /./],
]

describe('an invalid configuration', () => {
  test.each(REPLACED)('is refused for %s', (_title, from, to, path, message) => {
    const problems = problemsOf(VALID.replace(from, to))
    expect(problems).toContainEqual({ path, message: expect.stringMatching(message) })
  })

  test('tells all problems at once, and none of the values', () => {
    const problems = problemsOf(`
agent_id = "NO"
[server]
url = "ftp://user:hunter2@example.com"
token = "twl_agent_hunter2"
[databases.app.production]
url = "hunter2://hunter2:hunter2@db"
`)
    expect(problems.map(({ path }) => path)).toEqual([
      'agent_id',
      'state_dir',
      'server.token',
      'server.url',
      'databases.app.production.url',
    ])
    expect(JSON.stringify(problems)).not.toContain('hunter2')
  })

  test('is refused for a variable that is not set', () => {
    expect(problemsOf(VALID, {})).toEqual([
      { path: 'server.token', message: 'the environment variable TWINLOCK_AGENT_TOKEN is not set' },
    ])
  })
})
