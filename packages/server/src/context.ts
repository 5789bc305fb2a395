import { newId } from '@twinlock/contract'
import type { SigningKey } from '@twinlock/evidence'
import type { Analyzer, Dialect } from '@twinlock/sql'
import type { Logger } from 'pino'
import { type AgentPresence, createAgentPresence } from './agents/agent-presence.ts'
import { type AuditFeed, createAuditFeed } from './audit/audit-feed.ts'
import { type Changes, createChanges } from './changes.ts'
import type { Clock } from './clock.ts'
import type { ServerConfig } from './config.ts'
import type { Database } from './db/connect.ts'
import { createDrain, type Drain } from './drain.ts'
import { createLastUse, type LastUse } from './identity/last-use.ts'
import { createOpenCalls, type OpenCalls } from './identity/open-calls.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { decideSubmission } from './policies/decide-submission.ts'
import { type AnalysisTurns, createAnalysisTurns } from './requests/analysis-turns.ts'
import { createRequestFeed, type RequestFeed } from './requests/request-feed.ts'
import { createResultFiles, type ResultFiles } from './results/result-files.ts'
import { createResultRoom, type ResultRoom } from './results/result-room.ts'

/** What use cases ask for, each only the part it needs. */
export interface Context {
  readonly config: ServerConfig
  readonly version: string
  readonly serverId: string
  readonly signingKey: SigningKey
  readonly db: Database
  readonly clock: Clock
  readonly random: (size: number) => Uint8Array
  /** A new id with the prefix of its kind. */
  readonly ids: (prefix: string) => string
  readonly changes: Changes
  readonly agentPresence: AgentPresence
  readonly drain: Drain
  readonly requestFeed: RequestFeed
  readonly auditFeed: AuditFeed
  readonly logger: Logger
  readonly metrics: Metrics
  /** Why the state cannot be written now; undefined when it can. */
  readonly findWriteProblem: () => Promise<string | undefined>
  readonly analyzers: Readonly<Record<Dialect, Analyzer | undefined>>
  readonly results: ResultFiles
  readonly room: ResultRoom
  readonly analysisTurns: AnalysisTurns
  readonly lastUse: LastUse
  readonly openCalls: OpenCalls
  readonly decideSubmission: typeof decideSubmission
  /** Whether this key is asked about for the first time while the server runs; for what must not be recorded again and again. */
  readonly firstTime: (key: string) => boolean
}

/** What a test may put in place of the real thing. */
export interface Overrides {
  readonly clock?: Clock
  readonly random?: (size: number) => Uint8Array
  readonly decideSubmission?: typeof decideSubmission
}

export interface ContextParts
  extends Pick<
    Context,
    | 'config'
    | 'version'
    | 'serverId'
    | 'signingKey'
    | 'db'
    | 'logger'
    | 'metrics'
    | 'findWriteProblem'
    | 'analyzers'
    | 'clock'
    | 'random'
    | 'decideSubmission'
  > {}

const MAX_REMEMBERED = 10_000

/** The composition root. */
export function createContext(parts: ContextParts): Context {
  const { clock, random } = parts
  const remembered = new Set<string>()
  const changes = createChanges(clock)
  return {
    ...parts,
    ids: (prefix) => newId(prefix, clock.now(), random),
    changes,
    agentPresence: createAgentPresence(clock),
    drain: createDrain(clock, changes),
    results: createResultFiles(parts.config.results.dir),
    requestFeed: createRequestFeed({ ...parts, changes }),
    room: createResultRoom(parts.config.results.quota),
    auditFeed: createAuditFeed({ ...parts, changes }),
    analysisTurns: createAnalysisTurns(),
    lastUse: createLastUse(clock),
    openCalls: createOpenCalls(),
    firstTime(key) {
      if (remembered.has(key) || remembered.size >= MAX_REMEMBERED) return false
      remembered.add(key)
      return true
    },
  }
}
