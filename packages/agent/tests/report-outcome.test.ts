import { randomBytes } from 'node:crypto'
import { AppError, type Outcome } from '@twinlock/contract'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { codedError, failedOutcome } from '../src/execution-outcome.ts'
import { type Journal, openJournal } from '../src/journal.ts'
import { NO_KILL_POINTS } from '../src/kill-points.ts'
import { createReports, type ReportContext, reportOutcome } from '../src/report-outcome.ts'
import { type TemporaryDirectory, temporaryDirectory } from './fixtures/agent-setup.ts'
import { id } from './fixtures/orders.ts'

let directory: TemporaryDirectory
let journal: Journal
beforeEach(async () => {
  directory = await temporaryDirectory()
  journal = await openJournal({ stateDir: `${directory.path}/state`, now: Date.now, random: randomBytes })
})
afterEach(async () => {
  await journal[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

const refused = (effect: Outcome['effect']) => failedOutcome(id('lse'), codedError('clock_skew', 'no'), effect)

function context(answer: (executionId: string) => Promise<unknown>, giveUpMs?: number): ReportContext {
  return {
    link: { outcome: answer },
    journal,
    killPoints: NO_KILL_POINTS,
    log: pino({ level: 'silent' }),
    signal: new AbortController().signal,
    reports: createReports(giveUpMs),
  }
}

test('of many refusals that nobody hears, a hundred are tried again, sixteen at once, and all are given up', async () => {
  const attempts = new Map<string, number>()
  let atOnce = 0
  let most = 0
  const ctx = context(async (executionId) => {
    attempts.set(executionId, (attempts.get(executionId) ?? 0) + 1)
    atOnce += 1
    most = Math.max(most, atOnce)
    await new Promise(setImmediate)
    atOnce -= 1
    throw new AppError('server_unreachable')
  }, 500)
  const ids = Array.from({ length: 150 }, () => id('exe'))
  await Promise.all(ids.map((executionId) => reportOutcome(ctx, executionId, Date.now(), refused('none'))))
  expect(most).toBe(16)
  expect(ids.slice(100).map((executionId) => attempts.get(executionId))).toEqual(Array(50).fill(1))
  expect(ids.slice(0, 100).some((executionId) => (attempts.get(executionId) ?? 0) > 1)).toBe(true)
  expect(ids.map((executionId) => journal.lookUp(executionId))).toEqual(Array(150).fill('none'))
})

test.each([
  ['none', ['execution_not_found'], 1],
  ['none', ['lease_lost'], 1],
  ['committed', ['execution_not_found', 'unauthenticated', 'permission_denied', 'lease_lost', 'execution_closed'], 5],
  ['unknown', ['execution_not_found', 'invalid_request'], 2],
  ['rolled_back', ['execution_not_found'], 2],
] as const)('an outcome with effect %s that is answered %j is told %i times', async (effect, codes, times) => {
  const answers = [...codes]
  let told = 0
  const ctx = context(async () => {
    told += 1
    const code = answers.shift()
    if (code) throw new AppError(code)
  }, 0)
  const executionId = id('exe')
  await reportOutcome(ctx, executionId, Date.now(), refused(effect))
  expect(told).toBe(times)
  expect(journal.lookUp(executionId)).toBe(effect)
})
