import type { TargetState } from '@twinlock/contract'
import type { Clock } from '../clock.ts'

/** Of a target that its agent has said nothing of. */
export const UNKNOWN_STATE: TargetState = { status: 'unknown', server_version: null, code: null }

/** What an agent said of itself when it last asked for work. */
export interface PresenceNews {
  readonly agentId: string
  readonly freeCapacity: number
  readonly clockSkewMs: number | null
  /** Every target it announces, by its name in writing. */
  readonly targets: ReadonlyMap<string, TargetPresence>
}

export interface TargetPresence {
  /** Whether it may serve it: its token is bound to the target, and the dialect is the configured one. */
  readonly isServed: boolean
  readonly state: TargetState
}

export interface Presence extends PresenceNews {
  readonly lastSeenAt: number
  readonly isOnline: boolean
}

/** Which agents are in touch. In memory: a poll that brings nothing new writes nothing, and a restart asks nobody. */
export interface AgentPresence {
  /** A poll has come; the returned function says that it is over. */
  arrive(news: PresenceNews): () => void
  find(agentId: string): Presence | undefined
  /** Those that may serve a target, whatever they think of it. */
  listServing(target: string): Presence[]
}

/** From one poll to the next, and for a line that breaks for a moment. */
const BETWEEN_POLLS_MS = 5_000

export function createAgentPresence(clock: Pick<Clock, 'now'>): AgentPresence {
  const agents = new Map<string, { news: PresenceNews; lastSeenAt: number; held: number }>()

  function show({ news, lastSeenAt, held }: { news: PresenceNews; lastSeenAt: number; held: number }): Presence {
    return { ...news, lastSeenAt, isOnline: held > 0 || clock.now() - lastSeenAt < BETWEEN_POLLS_MS }
  }

  return {
    arrive(news) {
      const entry = agents.get(news.agentId) ?? { news, lastSeenAt: 0, held: 0 }
      agents.set(news.agentId, entry)
      entry.news = news
      entry.lastSeenAt = clock.now()
      entry.held++
      return () => {
        entry.lastSeenAt = clock.now()
        entry.held--
      }
    },
    find(agentId) {
      const entry = agents.get(agentId)
      return entry && show(entry)
    },
    listServing: (target) =>
      [...agents.values()].filter(({ news }) => news.targets.get(target)?.isServed === true).map(show),
  }
}
