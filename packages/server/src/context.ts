import { randomBytes } from 'node:crypto'
import { newId } from '@twinlock/contract'
import type { SigningKey } from '@twinlock/evidence'
import type { Analyzer, Dialect } from '@twinlock/sql'
import type { Logger } from 'pino'
import { type Changes, createChanges } from './changes.ts'
import { type Clock, systemClock } from './clock.ts'
import type { ServerConfig } from './config.ts'
import type { Database } from './db/connect.ts'
import { decideSubmission } from './policies/decide-submission.ts'
import { createResultFiles, type ResultFiles } from './results/result-files.ts'

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
  readonly logger: Logger
  readonly analyzers: Readonly<Record<Dialect, Analyzer | undefined>>
  readonly results: ResultFiles
  readonly decideSubmission: typeof decideSubmission
}

/** What a test may put in place of the real thing. */
export interface Overrides {
  readonly clock?: Clock
  readonly random?: (size: number) => Uint8Array
  readonly decideSubmission?: typeof decideSubmission
}

export interface ContextParts
  extends Pick<Context, 'config' | 'version' | 'serverId' | 'signingKey' | 'db' | 'logger' | 'analyzers'> {}

/** The composition root. */
export function createContext(parts: ContextParts, overrides: Overrides = {}): Context {
  const clock = overrides.clock ?? systemClock
  const random = overrides.random ?? randomBytes
  return {
    ...parts,
    clock,
    random,
    ids: (prefix) => newId(prefix, clock.now(), random),
    changes: createChanges(clock),
    results: createResultFiles(parts.config.resultsDir),
    decideSubmission: overrides.decideSubmission ?? decideSubmission,
  }
}
