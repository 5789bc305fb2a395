import type { TargetState } from '@twinlock/contract'
import { describe, expect, it } from 'vitest'
import type { Presence } from '../agents/agent-presence.ts'
import { whyQueued } from './why-queued.ts'

const TARGET = 'app/production'
const NOW = 1_000_000_000

function agent(agentId: string, change: Partial<Presence> & { state?: Partial<TargetState> } = {}): Presence {
  const { state, ...rest } = change
  return {
    agentId,
    freeCapacity: 1,
    clockSkewMs: null,
    lastSeenAt: NOW,
    isOnline: true,
    targets: new Map([
      [TARGET, { isServed: true, state: { status: 'ok', server_version: null, code: null, ...state } }],
    ]),
    ...rest,
  }
}

const away = (id: string, ms: number) => agent(id, { isOnline: false, lastSeenAt: NOW - ms })
const refused = (id: string, code: string | null) => agent(id, { state: { status: 'refused', code } })
const busy = (id: string) => agent(id, { freeCapacity: 0 })
const why = (agents: Presence[], pause?: { by: string; reason: string | null }) => whyQueued(TARGET, pause, agents, NOW)

describe('why an execution is queued', () => {
  it.each([
    ['nobody ever was there', [], 'no agent that serves app/production is in touch'],
    [
      'all are away: the last one is named',
      [away('prod-2', 3_600_000), away('prod-1', 250_000)],
      'no agent that serves app/production is in touch; the last one, prod-1, was seen 4 min ago',
    ],
  ])('no agent: %s', (_, agents, message) => expect(why(agents)).toEqual({ code: 'no_agent', message }))

  it.each([
    [[busy('b'), busy('a')], 'every agent that serves app/production is busy: a, b'],
    [['a', 'b', 'c', 'd', 'e'].map(busy), 'every agent that serves app/production is busy: a, b, c and 2 more'],
    [[busy('a'), refused('b', null), away('c', 1)], 'every agent that serves app/production is busy: a'],
  ])('agents are busy', (agents, message) => expect(why(agents)).toEqual({ code: 'agents_busy', message }))

  it.each([
    [
      [refused('prod-1', 'pooler_detected')],
      'prod-1 does not serve app/production: a pooler that breaks sessions stands before the database. Point url at the database itself, or at a pooler in session mode.',
    ],
    [[refused('a', 'unheard_of'), refused('b', null), away('c', 1)], 'a, b do not serve app/production'],
  ])('agents refuse the target', (agents, message) => expect(why(agents)).toEqual({ code: 'target_refused', message }))

  it('a pause comes before anything about agents', () => {
    for (const agents of [[], [busy('a')], [agent('a')]])
      expect(why(agents, { by: 'carol', reason: 'INC-204' })).toEqual({
        code: 'target_paused',
        message: 'app/production is paused by carol: INC-204',
      })
    expect(why([], { by: 'carol', reason: null })?.message).toBe('app/production is paused by carol')
  })

  it('nothing, where one agent is there that has room', () => {
    for (const state of ['ok', 'unknown', 'unreachable'] as const)
      expect(why([busy('a'), refused('b', null), agent('c', { state: { status: state } })])).toBeNull()
  })
})
