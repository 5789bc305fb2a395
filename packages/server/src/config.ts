import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { dialectSchema, nameSchema, operationNameSchema, parseDuration, roleSchema } from '@twinlock/contract'
import { type ConfigResult, type ConfigSource, readConfig } from '@twinlock/contract/config'
import { z } from 'zod'
import { findWorkflowProblems, type Workflow } from './policies/workflow.ts'

const MAX_DURATION_MS = 3650 * 86_400_000

const durationSchema = z.string().transform((text, ctx) => {
  const ms = parseDuration(text)
  if (ms !== undefined && ms >= 1000 && ms <= MAX_DURATION_MS) return Math.floor(ms / 1000)
  ctx.addIssue({ code: 'custom', message: 'must be a duration from a second to ten years, like "30m", "24h" or "7d"' })
  return z.NEVER
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

const fileSchema = z
  .strictObject({
    state_dir: z.string().min(1),
    listen: listenSchema.default({ host: '127.0.0.1', port: 3000 }),
    signing_key: z.string().optional(),
    log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    databases: z.array(databaseSchema).default([]),
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
    for (const problem of findWorkflowProblems(file.workflows.map(toWorkflow), file.databases))
      issue(['workflows', problem.index], problem.message)
  })

export interface DatabaseConfig {
  readonly name: string
  readonly environments: readonly string[]
  readonly dialect: z.infer<typeof dialectSchema>
}

/** Everything the server may be told, without secrets. */
export interface ServerConfig {
  readonly stateDir: string
  readonly resultsDir: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly databases: readonly DatabaseConfig[]
  readonly workflows: readonly Workflow[]
}

export interface ServerSecrets {
  /** PKCS #8 PEM; undefined: the key in `state_dir`, made at the first start. */
  readonly signingKeyPem: string | undefined
}

/** Reads `twinlock-server.toml`: pure but for `${file:…}`; all problems at once. */
export function readServerConfig(
  source: Pick<ConfigSource, 'text' | 'env' | 'readFile'>,
): ConfigResult<{ config: ServerConfig; secrets: ServerSecrets }> {
  const result = readConfig({ ...source, overridable: ['state_dir', 'listen', 'signing_key', 'log_level'] }, fileSchema)
  if (!result.ok) return result
  const file = result.value
  return {
    ok: true,
    value: {
      config: {
        stateDir: file.state_dir,
        resultsDir: join(file.state_dir, 'results'),
        listen: file.listen,
        logLevel: file.log_level,
        databases: file.databases,
        workflows: file.workflows.map(toWorkflow),
      },
      secrets: { signingKeyPem: file.signing_key },
    },
  }
}

function toWorkflow(file: z.output<typeof workflowSchema>): Workflow {
  return {
    database: file.database,
    environment: file.environment,
    operations: file.operations ?? null,
    requireReason: file.require_reason,
    autoApprove: file.auto_approve,
    pendingTtlS: file.pending_ttl,
    approvalTtlS: file.approval_ttl,
    steps: file.steps.map(({ mode, approvers }) => ({
      mode,
      approvers: approvers.map(({ role, user, min }) =>
        role === undefined ? { user: user as string, min } : { role, min },
      ),
    })),
  }
}
