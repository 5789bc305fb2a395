import { POLL_HOLD_S } from '@twinlock/contract'
import { describe, expect, it } from 'vitest'
import { refusal } from './fixtures/manual-agent.ts'
import { startProtocol } from './fixtures/protocol-setup.ts'

const HOLD_MS = POLL_HOLD_S * 1000

describe('a poll', () => {
  it('is held while there is nothing, and then answered with nothing', async () => {
    await using setup = await startProtocol()
    const poll = setup.dev.poll()
    await setup.clock.untilHeld(HOLD_MS, 1)
    setup.clock.advance(HOLD_MS - 1)
    await setup.clock.untilHeld(HOLD_MS, 1)
    setup.clock.advance(1)
    expect(await poll).toEqual([])
  })

  it('is answered as soon as there is something', async () => {
    await using setup = await startProtocol()
    const poll = setup.dev.poll()
    await setup.clock.untilHeld(HOLD_MS, 1)
    await setup.queue('app/production')
    await setup.clock.untilHeld(HOLD_MS, 1)
    const { id } = await setup.queue()
    expect(await poll).toMatchObject([{ execution_id: id }])
  })

  it('of an agent that is full is held too, and takes nothing', async () => {
    await using setup = await startProtocol()
    const { id } = await setup.queue()
    const poll = setup.dev.poll({ free_capacity: 0 })
    await setup.clock.untilHeld(HOLD_MS, 1)
    setup.clock.advance(HOLD_MS)
    expect(await poll).toEqual([])
    expect(await setup.status(id)).toBe('queued')
  })

  it('that its agent has left takes nothing with it', async () => {
    await using setup = await startProtocol()
    const gone = new AbortController()
    const poll = refusal(setup.dev.poll({}, gone.signal))
    await setup.clock.untilHeld(HOLD_MS, 1)
    gone.abort()
    await poll
    await setup.clock.untilHeld(HOLD_MS, 0)
    const { id } = await setup.queue()
    expect(await setup.status(id)).toBe('queued')
    expect(await setup.dev.poll()).toMatchObject([{ execution_id: id }])
  })

  it('of two agents at once gives one execution to one of them', async () => {
    await using setup = await startProtocol()
    const agents = [setup.dev, await setup.newAgent('dev-2', 'app/development')]
    for (let round = 0; round < 20; round++) {
      // In turns, the execution is there before the polls, and the polls before the execution.
      let queued = round % 2 === 0 ? await setup.queue() : undefined
      const gone = new AbortController()
      const polls = agents.map((agent) => agent.poll({}, gone.signal))
      if (!queued) {
        await setup.clock.untilHeld(HOLD_MS, 2)
        queued = await setup.queue()
      }
      const [given] = await Promise.race(polls)
      expect(given?.execution_id).toBe(queued.id)
      await setup.clock.untilHeld(HOLD_MS, 1)
      gone.abort()
      const ends = await Promise.allSettled(polls)
      expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      await setup.clock.untilHeld(HOLD_MS, 0)
      const leased = (await setup.events(queued.id)).filter(({ type }) => type === 'execution.leased')
      expect(leased).toHaveLength(1)
    }
  })
})
