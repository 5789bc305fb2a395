import {
  type Effect,
  type ExecutionError,
  type ExecutionStatus,
  executionErrorSchema,
  type ResultReason,
  type ResultState,
  type StatementOutcome,
  statementOutcomeSchema,
} from '@twinlock/contract'
import { type Kysely, type Selectable, sql } from 'kysely'
import { z } from 'zod'
import { compileOnce, VALUE } from '../db/compile-once.ts'
import type { Tx } from '../db/connect.ts'
import type { Tables } from '../db/tables.ts'
import type { TargetName } from '../policies/workflow.ts'

export interface ExecutionRecord {
  readonly id: string
  readonly requestId: string
  readonly requesterId: string
  readonly database: string
  readonly environment: string
  readonly status: ExecutionStatus
  readonly effect: Effect | null
  readonly agentId: string | null
  readonly journalId: string | null
  readonly leaseId: string | null
  readonly leaseExpiresAt: number | null
  readonly error: ExecutionError | null
  readonly statements: readonly StatementOutcome[]
  readonly durationMs: number | null
  readonly serverVersion: string | null
  readonly result: ResultState
  readonly resultReason: ResultReason | null
  readonly cancelRequestedAt: number | null
  readonly cancelRequestedBy: string | null
  readonly cancelReason: string | null
  readonly createdAt: number
  readonly startedAt: number | null
  readonly lostAt: number | null
  readonly finishedAt: number | null
}

export async function insertExecution(
  tx: Tx,
  execution: Pick<ExecutionRecord, 'id' | 'requestId' | 'requesterId' | 'database' | 'environment' | 'createdAt'>,
): Promise<void> {
  await tx
    .insertInto('executions')
    .values({
      id: execution.id,
      request_id: execution.requestId,
      requester_id: execution.requesterId,
      database: execution.database,
      environment: execution.environment,
      status: 'queued',
      previous_status: 'new',
      statements: '[]',
      result: 'none',
      created_at: execution.createdAt,
    })
    .execute()
}

const selectById = compileOnce((db) => db.selectFrom('executions').selectAll().where('id', '=', VALUE))

export async function findExecution(db: Kysely<Tables>, id: string): Promise<ExecutionRecord | undefined> {
  const row = await selectById(db, id)
  return row && toRecord(row)
}

export async function getExecution(db: Kysely<Tables>, id: string): Promise<ExecutionRecord> {
  const execution = await findExecution(db, id)
  if (!execution) throw new Error(`execution ${id} is gone`)
  return execution
}

/** Oldest first. */
export async function listExecutionsOfRequest(db: Kysely<Tables>, requestId: string): Promise<ExecutionRecord[]> {
  const rows = await db
    .selectFrom('executions')
    .selectAll()
    .where('request_id', '=', requestId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map(toRecord)
}

/**
 * Queued executions of some targets, those of people with the least under way first, then the oldest: nobody's long queue
 * makes the others wait behind it.
 */
export async function listQueuedExecutions(
  db: Kysely<Tables>,
  targets: readonly TargetName[],
  limit: number,
): Promise<string[]> {
  if (targets.length === 0) return []
  const names = [...new Set(targets.map(({ database, environment }) => `${database}/${environment}`))]
  const rows = await db
    .selectFrom('executions')
    .select('executions.id')
    .where('status', '=', 'queued')
    // Neither name can hold a slash.
    .where(sql<string>`database || '/' || environment`, 'in', names)
    .orderBy((eb) =>
      eb
        .selectFrom('executions as other')
        .select((inner) => inner.fn.countAll().as('under_way'))
        .whereRef('other.requester_id', '=', 'executions.requester_id')
        .where('other.status', 'in', ['leased', 'running']),
    )
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** Running executions in this agent's hands that somebody asked to cancel, the oldest wish first. */
export async function listCancelsOf(
  db: Kysely<Tables>,
  agent: { readonly agentId: string; readonly journalId: string },
  limit: number,
): Promise<Pick<ExecutionRecord, 'id' | 'cancelReason'>[]> {
  const rows = await db
    .selectFrom('executions')
    .select(['id', 'cancel_reason'])
    .where('status', '=', 'running')
    .where('cancel_requested_at', 'is not', null)
    .where('agent_id', '=', agent.agentId)
    .where('journal_id', '=', agent.journalId)
    .orderBy('cancel_requested_at')
    .limit(limit)
    .execute()
  return rows.map(({ id, cancel_reason }) => ({ id, cancelReason: cancel_reason }))
}

/** Executions of a target that wait for an agent or are in the hands of one, the oldest first; a lost one is not. */
export async function listUnderWay(db: Kysely<Tables>, target: TargetName): Promise<ExecutionRecord[]> {
  const rows = await db
    .selectFrom('executions')
    .selectAll()
    .where('status', 'in', ['queued', 'leased', 'running'])
    .where('database', '=', target.database)
    .where('environment', '=', target.environment)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map(toRecord)
}

/** Leased executions that did not start in time and running ones whose lease has ended. */
export async function listOverdueExecutions(
  db: Kysely<Tables>,
  now: number,
  limit: number,
): Promise<ExecutionRecord[]> {
  const rows = await db
    .selectFrom('executions')
    .selectAll()
    .where('status', 'in', ['leased', 'running'])
    .where('lease_expires_at', '<=', now)
    .limit(limit)
    .execute()
  return rows.map(toRecord)
}

export interface ExecutionChange {
  readonly status?: ExecutionStatus
  readonly effect?: Effect | null
  readonly agentId?: string | null
  readonly journalId?: string | null
  readonly leaseId?: string | null
  readonly leaseExpiresAt?: number | null
  readonly error?: ExecutionError | null
  readonly statements?: readonly StatementOutcome[]
  readonly durationMs?: number | null
  readonly serverVersion?: string | null
  readonly result?: ResultState
  readonly resultReason?: ResultReason | null
  readonly cancelRequestedAt?: number
  readonly cancelRequestedBy?: string
  readonly cancelReason?: string | null
  readonly startedAt?: number
  readonly lostAt?: number
  readonly finishedAt?: number
}

/** Changes an execution if its status and lease still are what they were when it was read; false when something else came first. */
export async function updateExecution(tx: Tx, was: ExecutionRecord, change: ExecutionChange): Promise<boolean> {
  const { status, error, statements, ...rest } = change
  const result = await tx
    .updateTable('executions')
    .set({
      ...(status === undefined ? {} : { status, previous_status: was.status }),
      ...(error === undefined ? {} : { error: error && JSON.stringify(error) }),
      ...(statements === undefined ? {} : { statements: JSON.stringify(statements) }),
      ...(rest.effect === undefined ? {} : { effect: rest.effect }),
      ...(rest.agentId === undefined ? {} : { agent_id: rest.agentId }),
      ...(rest.journalId === undefined ? {} : { journal_id: rest.journalId }),
      ...(rest.leaseId === undefined ? {} : { lease_id: rest.leaseId }),
      ...(rest.leaseExpiresAt === undefined ? {} : { lease_expires_at: rest.leaseExpiresAt }),
      ...(rest.durationMs === undefined ? {} : { duration_ms: rest.durationMs }),
      ...(rest.serverVersion === undefined ? {} : { server_version: rest.serverVersion }),
      ...(rest.result === undefined ? {} : { result: rest.result }),
      ...(rest.resultReason === undefined ? {} : { result_reason: rest.resultReason }),
      ...(rest.cancelRequestedAt === undefined ? {} : { cancel_requested_at: rest.cancelRequestedAt }),
      ...(rest.cancelRequestedBy === undefined ? {} : { cancel_requested_by: rest.cancelRequestedBy }),
      ...(rest.cancelReason === undefined ? {} : { cancel_reason: rest.cancelReason }),
      ...(rest.startedAt === undefined ? {} : { started_at: rest.startedAt }),
      ...(rest.lostAt === undefined ? {} : { lost_at: rest.lostAt }),
      ...(rest.finishedAt === undefined ? {} : { finished_at: rest.finishedAt }),
    })
    .where('id', '=', was.id)
    .where('status', '=', was.status)
    .where('lease_id', 'is', was.leaseId)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

function toRecord(row: Selectable<Tables['executions']>): ExecutionRecord {
  return {
    id: row.id,
    requestId: row.request_id,
    requesterId: row.requester_id,
    database: row.database,
    environment: row.environment,
    status: row.status,
    effect: row.effect,
    agentId: row.agent_id,
    journalId: row.journal_id,
    leaseId: row.lease_id,
    leaseExpiresAt: row.lease_expires_at,
    error: row.error === null ? null : executionErrorSchema.parse(JSON.parse(row.error)),
    statements: z.array(statementOutcomeSchema).parse(JSON.parse(row.statements)),
    durationMs: row.duration_ms,
    serverVersion: row.server_version,
    result: row.result,
    resultReason: row.result_reason,
    cancelRequestedAt: row.cancel_requested_at,
    cancelRequestedBy: row.cancel_requested_by,
    cancelReason: row.cancel_reason,
    createdAt: row.created_at,
    startedAt: row.started_at,
    lostAt: row.lost_at,
    finishedAt: row.finished_at,
  }
}
