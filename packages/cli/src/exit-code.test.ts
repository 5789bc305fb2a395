import { AppError, type ErrorCode, type ExecutionView } from '@twinlock/contract'
import { describe, expect, test } from 'vitest'
import { CliError } from './cli-error.ts'
import { EXIT_OF_REQUEST, exitCodeOfError, exitCodeOfExecution } from './exit-code.ts'

describe('an error of the server', () => {
  test.each<[ErrorCode, number]>([
    ['permission_denied', 3],
    ['no_matching_workflow', 3],
    ['statement_forbidden', 3],
    ['self_approval', 3],
    ['reason_required', 3],
    ['unknown_target', 3],
    ['approval_expired', 5],
    ['unauthenticated', 1],
    ['invalid_request', 1],
    ['request_not_found', 1],
    ['step_not_current', 1],
    ['internal_error', 1],
    ['server_unreachable', 1],
    ['unexpected_answer', 1],
  ])('%s exits %i', (code, exit) => {
    expect(exitCodeOfError(new AppError(code))).toBe(exit)
  })
})

test("an error of one's own exits as its code says, an unknown one 1", () => {
  expect(exitCodeOfError(new CliError('usage', ''))).toBe(2)
  expect(exitCodeOfError(new CliError('confirmation_required', ''))).toBe(2)
  expect(exitCodeOfError(new CliError('wait_timed_out', ''))).toBe(4)
  expect(exitCodeOfError(new CliError('result_incomplete', ''))).toBe(1)
  expect(exitCodeOfError(new CliError('outcome_unknown', ''))).toBe(7)
  expect(exitCodeOfError(new CliError('interrupted', ''))).toBe(130)
  expect(exitCodeOfError(new TypeError('x'))).toBe(1)
})

test('requests that ended without running exit 5, a pending one 4', () => {
  expect(EXIT_OF_REQUEST).toEqual({ pending: 4, approved: 0, completed: 0, rejected: 5, expired: 5, cancelled: 5 })
})

type Case = [
  status: ExecutionView['status'],
  effect: ExecutionView['effect'],
  code: string | null,
  sqlstate: string | null,
  exit: number,
]

describe('an execution', () => {
  test.each<Case>([
    ['queued', null, null, null, 4],
    ['leased', null, null, null, 4],
    ['running', null, null, null, 4],
    ['succeeded', 'committed', null, null, 0],
    ['succeeded', 'none', null, null, 0],
    ['succeeded', 'unknown', null, null, 7],
    ['failed', 'rolled_back', 'database_error', '42P01', 6],
    ['failed', 'partial', 'statement_timeout', '57014', 6],
    ['failed', 'none', 'connection_failed', null, 6],
    ['failed', 'none', 'token_expired', null, 1],
    ['failed', 'none', 'operation_outside_ceiling', null, 1],
    ['failed', 'rolled_back', 'field_too_large', null, 1],
    ['failed', 'none', 'a_code_of_tomorrow', null, 1],
    ['failed', 'rolled_back', 'a_code_of_tomorrow', '23505', 6],
    ['failed', 'none', null, null, 1],
    ['failed', 'unknown', 'connection_lost', null, 7],
    ['failed', 'unknown', 'agent_error', null, 7],
    ['cancelled', 'rolled_back', 'cancelled', null, 5],
    ['cancelled', 'unknown', 'cancelled', null, 7],
    ['lost', 'unknown', 'agent_lost', null, 7],
    ['lost', null, null, null, 7],
  ])('%s, effect %s, %s %s exits %i', (status, effect, code, sqlstate, exit) => {
    const error =
      code === null ? null : { code, message: '', statement: 1, position: null, sqlstate, detail: null, hint: null }
    expect(exitCodeOfExecution({ status, effect, error })).toBe(exit)
  })
})
