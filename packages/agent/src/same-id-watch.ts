import type { Logger } from 'pino'
import type { OrderVerdict } from './verify-order.ts'

/** One is what a new disk leaves behind, at most. */
const SUSPICIOUS = 3
const AGAIN_EVERY = 100

/** Says that another agent may have the same id, once tokens for another journal come again and again. */
export function createSameIdWatch(agentId: string, log: Pick<Logger, 'error'>): (verdict: OrderVerdict) => void {
  let wrongJournals = 0
  return (verdict) => {
    if (verdict.ok || verdict.code !== 'token_wrong_journal') return
    wrongJournals += 1
    if (wrongJournals !== SUSPICIOUS && wrongJournals % AGAIN_EVERY !== 0) return
    log.error(
      { agent: agentId, executions: wrongJournals, remedy: 'Stop it, or give each agent an agent_id of its own.' },
      'executions come with tokens for another journal again and again: another agent may be using the same agent_id',
    )
  }
}
