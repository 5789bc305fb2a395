import { AppError } from '@twinlock/contract'
import type { Tx } from '../db/connect.ts'
import { readLatestExecution } from './read-executions.ts'

/**
 * Why something has to wait for the request's open execution; a lost one is not waited for, it has to be found out. What
 * else can be done, the caller says.
 */
export async function executionOpenError(
  tx: Tx,
  request: { readonly id: string; readonly number: number },
  instead?: { readonly open: string; readonly lost: string },
): Promise<AppError> {
  const latest = await readLatestExecution(tx, request.id)
  if (latest?.status !== 'lost')
    return new AppError('execution_open', {
      detail: `an execution of #${request.number} is ${latest?.status ?? 'open'}`,
      ...(instead ? { hint: instead.open } : {}),
    })
  const wait = `Its agent tells when it is back: twinlock request show ${request.number}. Do not repeat the statement before you know (docs/lost-executions.md).`
  return new AppError('execution_open', {
    detail: `the execution of #${request.number} is lost: nobody can say yet whether it took effect`,
    hint: instead ? `${wait} ${instead.lost}` : wait,
  })
}
