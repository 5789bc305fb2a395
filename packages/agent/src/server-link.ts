import { api, type Cancel, type Lease, type Outcome, type TargetState } from '@twinlock/contract'
import { type Client, createClient } from '@twinlock/contract/client'
import type { Transport } from '@twinlock/contract/transport'
import type { PublicJwk } from '@twinlock/evidence'
import { z } from 'zod'
import type { Clock } from './clock.ts'
import { type AgentConfig, type AgentSecrets, targetName } from './config.ts'
import { limitAnswers } from './limit-answers.ts'
import { AGENT_VERSION } from './version.ts'

/** What this version understands beyond the first one; orders that need more are leased elsewhere. */
export const SUPPORTED_FEATURES: readonly string[] = []

const leaseSchema = api.agents.poll.response.shape.leases.element
/** A reason that cannot be read keeps nobody's execution from being cancelled. */
const cancelSchema = api.agents.poll.response.shape.cancels.element.extend({
  reason: api.agents.poll.response.shape.cancels.element.shape.reason.catch(null),
})
/** Leases and cancels are read one by one: one that does not fit takes nothing from the others. */
const pollEndpoint = {
  ...api.agents.poll,
  response: api.agents.poll.response.extend({
    leases: z.array(z.unknown()),
    cancels: z.array(z.unknown()).default([]),
  }),
}

export interface PollAnswer {
  readonly serverId: string
  readonly serverTime: string
  readonly leases: readonly Lease[]
  readonly cancels: readonly Cancel[]
  /** Leases that do not have the form of one. */
  readonly dropped: number
}

/** What the agent says of itself with each poll. */
export interface PollReport {
  readonly freeCapacity: number
  /** Executions whose cancel need not be repeated. */
  readonly cancelling: readonly string[]
  readonly stateOf: (target: string) => TargetState
  /** Answered at once, to see whether there is anybody. */
  readonly isGreeting: boolean
}

/** The calls the agent makes; it listens nowhere. */
export interface ServerLink {
  keys(signal: AbortSignal): Promise<readonly PublicJwk[]>
  poll(report: PollReport, signal: AbortSignal): Promise<PollAnswer>
  start(lease: Lease, signal: AbortSignal): Promise<{ readonly token: unknown; readonly serverTime: string }>
  handBack(lease: Lease, signal: AbortSignal): Promise<unknown>
  heartbeat(lease: Lease, signal: AbortSignal): Promise<unknown>
  chunk(lease: Lease, n: number, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<unknown>
  outcome(executionId: string, outcome: Outcome, signal: AbortSignal): Promise<unknown>
}

export function createServerLink(options: {
  readonly config: AgentConfig
  readonly secrets: AgentSecrets
  readonly journalId: string
  readonly clock: Clock
  /** Hears the Date of every answer. */
  readonly onDate?: (date: string) => void
}): ServerLink {
  const { config, secrets, journalId, clock, onDate = () => {} } = options
  const connection = {
    baseUrl: config.server.url,
    userAgent: `twinlock-agent/${AGENT_VERSION}`,
    network: secrets.network,
    transport: (send: Transport): Transport => {
      const limited = limitAnswers(send)
      return async (url, request) => {
        const answer = await limited(url, request)
        if (answer.date !== undefined) onDate(answer.date)
        return answer
      }
    },
  }
  const client: Client = createClient({ ...connection, token: secrets.token })
  // The key is public: the token need not pass before it is known whom it is shown to.
  const anonymous: Client = createClient(connection)
  const targets = config.targets.map(({ database, environment, dialect, ceiling }) => ({
    database,
    environment,
    dialect,
    operations: ceiling.operations === null ? null : [...ceiling.operations],
  }))
  const of = ({ execution_id, lease_id }: Lease) => ({ params: { id: execution_id }, body: { lease_id } })

  return {
    async keys(signal) {
      return (await anonymous.call(api.system.jwks, {}, { signal })).keys
    },
    async poll({ freeCapacity, cancelling, stateOf, isGreeting }, signal) {
      const body = {
        agent_id: config.agentId,
        journal_id: journalId,
        version: AGENT_VERSION,
        features: [...SUPPORTED_FEATURES],
        targets: targets.map((target) => ({ ...target, state: stateOf(targetName(target)) })),
        free_capacity: freeCapacity,
        cancelling: [...cancelling],
        ...(isGreeting ? { hold_s: 0 } : {}),
        time: new Date(clock.now()).toISOString(),
      }
      const answer = await client.call(pollEndpoint, { body }, { signal })
      const leases = readEach(leaseSchema, answer.leases)
      return {
        serverId: answer.server_id,
        serverTime: answer.server_time,
        leases,
        cancels: readEach(cancelSchema, answer.cancels),
        dropped: answer.leases.length - leases.length,
      }
    },
    async start(lease, signal) {
      const { token, server_time } = await client.call(api.agents.start, of(lease), { signal })
      return { token, serverTime: server_time }
    },
    handBack: (lease, signal) => client.call(api.agents.handBack, of(lease), { signal }),
    heartbeat: (lease, signal) => client.call(api.agents.heartbeat, of(lease), { signal }),
    chunk: ({ execution_id, lease_id }, n, rawBody, signal) =>
      client.call(api.agents.chunk, { params: { id: execution_id, n }, query: { lease_id }, rawBody }, { signal }),
    outcome: (executionId, body, signal) =>
      client.call(api.agents.outcome, { params: { id: executionId }, body }, { signal }),
  }
}

function readEach<T>(schema: z.ZodType<T>, given: readonly unknown[]): T[] {
  return given.map((one) => schema.safeParse(one)).flatMap(({ success, data }) => (success ? [data] : []))
}
