import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import {
  dialectSchema,
  nameSchema,
  operationNameSchema,
  parseDuration,
  parseSize,
  roleSchema,
} from '@twinlock/contract'
import { type ConfigResult, type ConfigSource, readConfig } from '@twinlock/contract/config'
import type { Limits } from '@twinlock/evidence'
import { z } from 'zod'
import { DEFAULT_LIMITS, LIMIT_BOUNDS, overrideLimits } from './policies/limits.ts'
import { findWorkflowProblems, type Workflow } from './policies/workflow.ts'

const MAX_DURATION_MS = 3650 * 86_400_000

const durationSchema = z.string().transform((text, ctx) => {
  const ms = parseDuration(text)
  if (ms !== undefined && ms >= 1000 && ms <= MAX_DURATION_MS) return Math.floor(ms / 1000)
  ctx.addIssue({ code: 'custom', message: 'must be a duration from a second to ten years, like "30m", "24h" or "7d"' })
  return z.NEVER
})

const timeoutSchema = z.string().transform((text, ctx) => {
  const ms = parseDuration(text)
  if (ms !== undefined && ms >= 1 && ms <= LIMIT_BOUNDS.timeoutMs) return ms
  ctx.addIssue({ code: 'custom', message: 'must be a duration from a millisecond to 24 days, like "500ms" or "30s"' })
  return z.NEVER
})

function sizeSchema(most: number, mostText: string) {
  const message = `must be a number of bytes or a size up to ${mostText}, like "100MiB"`
  return z.union([z.number(), z.string()], message).transform((size, ctx) => {
    const bytes = typeof size === 'number' ? size : parseSize(size)
    if (bytes !== undefined && Number.isSafeInteger(bytes) && bytes >= 1 && bytes <= most) return bytes
    ctx.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}

const limitsSchema = z.strictObject({
  statement_timeout: timeoutSchema.optional(),
  lock_timeout: timeoutSchema.optional(),
  max_rows: z.number().int().min(0).max(LIMIT_BOUNDS.rows).optional(),
  max_result_bytes: sizeSchema(LIMIT_BOUNDS.resultBytes, '1TiB').optional(),
  max_field_bytes: sizeSchema(LIMIT_BOUNDS.fieldBytes, '4GiB').optional(),
})

const listenSchema = z.string().transform((text, ctx) => {
  const [, ipv6, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? []
  const host = ipv6 ?? name
  const isHost = ipv6 === undefined ? name !== undefined : isIPv6(ipv6)
  if (host !== undefined && isHost && Number(port) <= 65_535) return { host, port: Number(port) }
  ctx.addIssue({ code: 'custom', message: 'must be an address and a port, like "0.0.0.0:3000" or "[::1]:3000"' })
  return z.NEVER
})

const pattern = z.union([z.literal('*'), nameSchema])

const approverSchema = z
  .strictObject({
    role: roleSchema.optional(),
    user: nameSchema.optional(),
    min: z.number().int().min(1).max(50).default(1),
  })
  .refine((entry) => (entry.role === undefined) !== (entry.user === undefined), 'must name either a role or a user')
  .refine((entry) => entry.user === undefined || entry.min === 1, 'one user can approve once only: min must be 1')

const workflowSchema = z.strictObject({
  database: pattern,
  environment: pattern,
  operations: z.array(operationNameSchema).min(1).optional(),
  require_reason: z.boolean().default(false),
  auto_approve: z.enum(['never', 'always']).default('never'),
  pending_ttl: durationSchema.default(7 * 86_400),
  approval_ttl: durationSchema.default(86_400),
  max_executions: z.number().int().min(1).max(1000).default(1),
  execution_window: durationSchema.default(86_400),
  limits: limitsSchema.default({}),
  steps: z
    .array(z.strictObject({ mode: z.enum(['all', 'any']).default('all'), approvers: z.array(approverSchema).min(1) }))
    .max(20)
    .default([]),
})

const databaseSchema = z.strictObject({
  name: nameSchema,
  environments: z.array(nameSchema).min(1),
  dialect: dialectSchema,
})

const MAX_ROOM = 2 ** 50

const resultsSchema = z.strictObject({
  dir: z.string().min(1).optional(),
  quota: sizeSchema(MAX_ROOM, '1024TiB').default(10 * 2 ** 30),
  retention: durationSchema.default(7 * 86_400),
  reserve: sizeSchema(MAX_ROOM, '1024TiB').default(256 * 2 ** 20),
})

/** The whole file; `docs/configuration.md` has a line for each of its keys. */
export const fileSchema = z
  .strictObject({
    state_dir: z.string().min(1),
    listen: listenSchema.default({ host: '127.0.0.1', port: 3000 }),
    signing_key: z.string().optional(),
    log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    metrics_listen: listenSchema.optional(),
    drain_timeout: durationSchema.default(10),
    results: resultsSchema.prefault({}),
    databases: z.array(databaseSchema).default([]),
    limits: limitsSchema.default({}),
    workflows: z.array(workflowSchema).default([]),
  })
  .superRefine((file, ctx) => {
    const issue = (path: (string | number)[], message: string) => ctx.addIssue({ code: 'custom', path, message })
    file.databases.forEach((database, i) => {
      if (file.databases.findIndex((other) => other.name === database.name) < i)
        issue(['databases', i, 'name'], `${database.name} is listed twice; put all its environments into one entry`)
      if (new Set(database.environments).size < database.environments.length)
        issue(['databases', i, 'environments'], 'lists an environment twice')
      // Known to the contract, not to this version: starting with it would promise what the agent cannot do.
      if (database.dialect !== 'postgresql')
        issue(['databases', i, 'dialect'], 'this version governs postgresql databases only')
    })
    const tooLarge = (limits: Limits) => limits.max_field_bytes > limits.max_result_bytes
    const message = 'is more than max_result_bytes: such a field could never arrive'
    if (tooLarge(limitsOf(file))) issue(['limits', 'max_field_bytes'], message)
    const workflows = file.workflows.map((workflow) => toWorkflow(workflow, limitsOf(file)))
    workflows.forEach(({ limits }, i) => {
      if (file.workflows[i]?.limits.max_field_bytes !== undefined && tooLarge(limits))
        issue(['workflows', i, 'limits', 'max_field_bytes'], message)
    })
    for (const problem of findWorkflowProblems(workflows, file.databases))
      issue(['workflows', problem.index], problem.message)
  })

export interface DatabaseConfig {
  readonly name: string
  readonly environments: readonly string[]
  readonly dialect: z.infer<typeof dialectSchema>
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface ResultsConfig {
  readonly dir: string
  /** Bytes that all results together may take. */
  readonly quota: number
  readonly retentionS: number
  /** Bytes of the disk that results leave free, for the state and the audit log. */
  readonly reserve: number
}

/** Everything the server may be told, without secrets. */
export interface ServerConfig {
  readonly stateDir: string
  readonly listen: ListenAddress
  /** Where Prometheus may scrape; undefined: nowhere. */
  readonly metricsListen: ListenAddress | undefined
  /** How long a stopping server waits for what is under way, seconds. */
  readonly drainTimeoutS: number
  readonly results: ResultsConfig
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly databases: readonly DatabaseConfig[]
  readonly workflows: readonly Workflow[]
}

export interface ServerSecrets {
  /** PKCS #8 PEM; undefined: the key in `state_dir`, made at the first start. */
  readonly signingKeyPem: string | undefined
}

const OVERRIDABLE = [
  'state_dir',
  'listen',
  'signing_key',
  'log_level',
  'metrics_listen',
  'drain_timeout',
  'results.dir',
  'results.quota',
  'results.retention',
  'results.reserve',
]

/** Reads `twinlock-server.toml`: pure but for `${file:…}`; all problems at once. */
export function readServerConfig(
  source: Pick<ConfigSource, 'text' | 'env' | 'readFile'>,
): ConfigResult<{ config: ServerConfig; secrets: ServerSecrets }> {
  const result = readConfig({ ...source, overridable: OVERRIDABLE }, fileSchema)
  if (!result.ok) return result
  const file = result.value
  return {
    ok: true,
    value: {
      config: {
        stateDir: file.state_dir,
        listen: file.listen,
        metricsListen: file.metrics_listen,
        drainTimeoutS: file.drain_timeout,
        results: {
          dir: file.results.dir ?? join(file.state_dir, 'results'),
          quota: file.results.quota,
          retentionS: file.results.retention,
          reserve: file.results.reserve,
        },
        logLevel: file.log_level,
        databases: file.databases,
        workflows: file.workflows.map((workflow) => toWorkflow(workflow, limitsOf(file))),
      },
      secrets: { signingKeyPem: file.signing_key },
    },
  }
}

function limitsOf(file: { readonly limits: z.output<typeof limitsSchema> }, base: Limits = DEFAULT_LIMITS): Limits {
  const { statement_timeout, lock_timeout, ...rest } = file.limits
  return overrideLimits(base, { ...rest, statement_timeout_ms: statement_timeout, lock_timeout_ms: lock_timeout })
}

function toWorkflow(file: z.output<typeof workflowSchema>, serverWide: Limits): Workflow {
  return {
    database: file.database,
    environment: file.environment,
    operations: file.operations ?? null,
    requireReason: file.require_reason,
    autoApprove: file.auto_approve,
    pendingTtlS: file.pending_ttl,
    approvalTtlS: file.approval_ttl,
    maxExecutions: file.max_executions,
    executionWindowS: file.execution_window,
    limits: limitsOf(file, serverWide),
    steps: file.steps.map(({ mode, approvers }) => ({
      mode,
      approvers: approvers.map(({ role, user, min }) =>
        role === undefined ? { user: user as string, min } : { role, min },
      ),
    })),
  }
}
