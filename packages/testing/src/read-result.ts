import { api, type ExecutionView, type RequestView, type ResultLine, resultLineSchema } from '@twinlock/contract'
import type { Client } from '@twinlock/contract/client'

export interface StatementRows {
  readonly columns: { readonly name: string; readonly type: string }[]
  readonly rows: (string | number | boolean | null)[][]
  /** undefined: the result is incomplete. */
  readonly trailer:
    | { row_count: number | null; affected_rows: number | null; truncated: boolean; sha256: string }
    | undefined
}

/** Reads a whole result, one entry a statement. */
export async function readResult(client: Client, executionId: string): Promise<StatementRows[]> {
  const parts: Uint8Array[] = []
  for await (const part of await client.stream(api.executions.result, { params: { id: executionId } })) parts.push(part)
  const statements: {
    columns: StatementRows['columns']
    rows: StatementRows['rows']
    trailer: StatementRows['trailer']
  }[] = []
  for (const text of Buffer.concat(parts).toString('utf8').split('\n')) {
    if (text === '') continue
    const line: ResultLine = resultLineSchema.parse(JSON.parse(text))
    if ('columns' in line) statements.push({ columns: line.columns, rows: [], trailer: undefined })
    const current = statements.at(-1)
    if (!current) throw new Error('a result must begin with a header')
    if ('rows' in line) current.rows.push(...line.rows)
    if ('truncated' in line) current.trailer = line
  }
  return statements
}

/** Submits SQL; the request as it then is. */
export async function submit(
  client: Client,
  sql: string,
  target = 'app/development',
  extra: { reason?: string; start?: 'manual' | 'on_approval'; replaces?: string } = {},
): Promise<RequestView> {
  const [database = '', environment = ''] = target.split('/')
  return client.call(api.requests.create, { body: { database, environment, sql, ...extra } })
}

/** Starts an approved request and waits until its execution has ended or is lost. */
export async function execute(client: Client, request: Pick<RequestView, 'id'>): Promise<ExecutionView> {
  const { id } = await client.call(api.requests.execute, { params: { id: request.id }, body: {} })
  return waitForExecution(client, id)
}

export async function waitForExecution(client: Client, id: string, tries = 4): Promise<ExecutionView> {
  for (let i = 0; i < tries; i++) {
    const execution = await client.call(api.executions.get, { params: { id }, query: { wait: 15 } })
    if (!['queued', 'leased', 'running'].includes(execution.status)) return execution
  }
  throw new Error(`execution ${id} did not end`)
}

/** Submits SQL that a workflow approves by itself, runs it and reads its result. */
export async function query(client: Client, sql: string, target = 'app/development') {
  const request = await submit(client, sql, target)
  const execution = await execute(client, request)
  return { request, execution, result: execution.result === 'none' ? [] : await readResult(client, execution.id) }
}
