import { nameSchema, operationNameSchema, parseDuration, parseSize, transportVerdict } from '@twinlock/contract'
import { type ConfigProblem, type ConfigResult, type ConfigSource, readConfig } from '@twinlock/contract/config'
import type { TransportOptions } from '@twinlock/contract/transport'
import { readCertificates, readProxy } from '@twinlock/contract/transport-settings'
import { z } from 'zod'

/** What the agent's own configuration allows at most on a target, whatever was approved. */
export interface LocalCeiling {
  /** null: every operation. */
  readonly operations: readonly z.infer<typeof operationNameSchema>[] | null
  readonly statementTimeoutMs?: number
  readonly lockTimeoutMs?: number
  readonly maxRows?: number
  readonly maxResultBytes?: number
  readonly maxFieldBytes?: number
}

export interface TargetConfig {
  readonly database: string
  readonly environment: string
  readonly dialect: 'postgresql'
  readonly ceiling: LocalCeiling
}

/** Everything but the secrets: may be printed and logged. */
export interface AgentConfig {
  readonly agentId: string
  readonly stateDir: string
  /** Executions at once. */
  readonly concurrency: number
  /** How long running executions may go on when the agent is stopped. */
  readonly drainMs: number
  readonly server: {
    readonly url: string
    /** Of the server's public key, as the token carries it; null means that the first key seen is trusted. */
    readonly keyFingerprint: string | null
  }
  readonly targets: readonly TargetConfig[]
}

/** Never logged, never part of a message. */
export interface AgentSecrets {
  readonly token: string
  /** The way to the server; a proxy's URL may hold a password. */
  readonly network: TransportOptions
  /** By target, `app/production`. */
  readonly databases: ReadonlyMap<string, { readonly url: string; readonly urlReadOnly?: string }>
}

/** `app/production` */
export function targetName(target: { readonly database: string; readonly environment: string }): string {
  return `${target.database}/${target.environment}`
}

const TOKEN = /^twl_agent_[0-9a-f]{64}(?:_([0-9a-f]{64}))?$/
const DIALECTS: Readonly<Record<string, string>> = {
  'postgres:': 'postgresql',
  'postgresql:': 'postgresql',
  'mysql:': 'mysql',
  'mariadb:': 'mariadb',
}

// Messages name the key and the rule, never the value: it may hold a password.
const databaseUrlSchema = z.string('must be a database URL').superRefine((text, ctx) => {
  const message = databaseUrlProblem(text)
  if (message) ctx.addIssue({ code: 'custom', message })
})

const durationSchema = z.string('must be a duration such as "30s"').transform((text, ctx) => {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0 && ms <= 2 ** 31 - 1) return ms
  ctx.addIssue({ code: 'custom', message: 'must be a duration such as "30s" or "5m", at most 24 days' })
  return z.NEVER
})

const sizeSchema = z
  .union([z.number(), z.string()], 'must be a number of bytes or a size such as "100MiB"')
  .transform((size, ctx) => {
    const bytes = typeof size === 'number' ? size : parseSize(size)
    if (bytes !== undefined && Number.isSafeInteger(bytes) && bytes > 0) return bytes
    ctx.addIssue({ code: 'custom', message: 'must be a number of bytes or a size such as "100MiB"' })
    return z.NEVER
  })

const targetSchema = z.strictObject({
  url: databaseUrlSchema,
  url_read_only: databaseUrlSchema.optional(),
  operations: z.array(operationNameSchema).min(1, 'must name at least one operation, or be left out').optional(),
  statement_timeout: durationSchema.optional(),
  lock_timeout: durationSchema.optional(),
  max_rows: z.number().int().nonnegative().optional(),
  max_result_bytes: sizeSchema.optional(),
  max_field_bytes: sizeSchema.optional(),
})

export const fileSchema = z.strictObject({
  agent_id: nameSchema,
  state_dir: z.string('must be a directory').min(1, 'must be a directory'),
  concurrency: z.number().int().min(1).max(1000).default(4),
  drain_timeout: durationSchema.default(10_000),
  server: z
    .strictObject({
      url: z.string('must be the URL of the server, such as https://twinlock.example.com'),
      token: z
        .string("must be the agent's token")
        .regex(TOKEN, 'must be an agent token: twl_agent_ and 64 hexadecimal digits, then _ and the key fingerprint'),
      ca_file: z.string('must be the path of a PEM file').min(1, 'must be the path of a PEM file').optional(),
      allow_insecure: z.boolean().default(false),
    })
    .superRefine((server, ctx) => {
      const verdict = transportVerdict(server.url, { allowInsecure: server.allow_insecure })
      // Its words about a text that is no URL repeat that text.
      const message = URL.canParse(server.url)
        ? verdict.ok || verdict.why
        : 'is not a URL; it should look like https://twinlock.example.com'
      if (message !== true) ctx.addIssue({ code: 'custom', path: ['url'], message })
    }),
  databases: z
    .record(nameSchema, z.record(nameSchema, targetSchema))
    .refine((databases) => Object.values(databases).some((environments) => Object.keys(environments).length > 0), {
      message: 'must hold at least one target, such as [databases.app.production]',
    }),
})

export interface AgentConfigSource {
  readonly text: string
  readonly env: ConfigSource['env']
  /** Reads what `${file:…}` names: a secret. */
  readonly readFile: ConfigSource['readFile']
  /** Reads `ca_file`, which is none; `readFile` when left out. */
  readonly readPublicFile?: ConfigSource['readFile']
}

/** Reads `twinlock-agent.toml`; all problems are reported at once. Pure but for `readFile`. */
export function readAgentConfig(source: AgentConfigSource): ConfigResult<{
  readonly config: AgentConfig
  readonly secrets: AgentSecrets
}> {
  const overridable = ['agent_id', 'state_dir', 'server.url', 'server.token', 'server.ca_file']
  const env = { ...source.env, TWINLOCK_SERVER_CA_FILE: source.env.TWINLOCK_CA_FILE || undefined }
  const read = readConfig({ ...source, env, overridable }, fileSchema)
  if (!read.ok) return { ok: false, problems: read.problems.map(plainer) }
  const network = readNetwork(source, read.value.server.ca_file)
  if (!network.ok) return network
  const { agent_id, state_dir, concurrency, drain_timeout, server, databases } = read.value
  const entries = Object.entries(databases).flatMap(([database, environments]) =>
    Object.entries(environments).map(([environment, target]) => ({ database, environment, target })),
  )
  return {
    ok: true,
    value: {
      config: {
        agentId: agent_id,
        stateDir: state_dir,
        concurrency,
        drainMs: drain_timeout,
        server: { url: server.url, keyFingerprint: TOKEN.exec(server.token)?.[1] ?? null },
        targets: entries.map(({ database, environment, target }) => ({
          database,
          environment,
          dialect: 'postgresql',
          ceiling: toCeiling(target),
        })),
      },
      secrets: {
        token: server.token,
        network: network.value,
        databases: new Map(
          entries.map(({ target, ...name }) => [
            targetName(name),
            { url: target.url, ...(target.url_read_only === undefined ? {} : { urlReadOnly: target.url_read_only }) },
          ]),
        ),
      },
    },
  }
}

function toCeiling(target: z.output<typeof targetSchema>): LocalCeiling {
  return {
    operations: target.operations ?? null,
    ...(target.statement_timeout === undefined ? {} : { statementTimeoutMs: target.statement_timeout }),
    ...(target.lock_timeout === undefined ? {} : { lockTimeoutMs: target.lock_timeout }),
    ...(target.max_rows === undefined ? {} : { maxRows: target.max_rows }),
    ...(target.max_result_bytes === undefined ? {} : { maxResultBytes: target.max_result_bytes }),
    ...(target.max_field_bytes === undefined ? {} : { maxFieldBytes: target.max_field_bytes }),
  }
}

function readNetwork(source: AgentConfigSource, caFile: string | undefined): ConfigResult<TransportOptions> {
  const ca = caFile === undefined ? undefined : readCertificates(caFile, source.readPublicFile ?? source.readFile)
  const proxy = readProxy(source.env)
  const problems = [
    ...(ca && !ca.ok ? [{ path: 'server.ca_file', message: ca.why }] : []),
    ...(proxy.ok ? [] : [{ path: '', message: proxy.why }]),
  ]
  if (!proxy.ok || (ca && !ca.ok)) return { ok: false, problems }
  return { ok: true, value: { ...(ca ? { ca: ca.value } : {}), ...(proxy.value ? { proxy: proxy.value } : {}) } }
}

function databaseUrlProblem(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url) return 'is not a database URL; it should look like postgres://user:password@host:5432/database'
  const dialect = DIALECTS[url.protocol]
  if (dialect === undefined) return 'must begin with postgres:// or postgresql://'
  if (dialect !== 'postgresql') return `${dialect} is not built yet: this version of the agent runs PostgreSQL alone`
  return undefined
}

function plainer({ path, message }: ConfigProblem): ConfigProblem {
  return { path, message: message.endsWith('received undefined') ? 'is missing' : message }
}
