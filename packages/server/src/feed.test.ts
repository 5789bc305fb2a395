import { describe, expect, it } from 'vitest'
import { createFeed } from './feed.ts'

function start(read: () => Promise<readonly number[]> = async () => []) {
  const woken: string[] = []
  const errors: unknown[] = []
  let reads = 0
  const feed = createFeed<number>(
    'things',
    { notify: (...topics) => void woken.push(...topics) },
    () => {
      reads++
      return read()
    },
    (error) => errors.push(error),
  )
  return { feed, woken, errors, reads: () => reads }
}

const settled = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a feed', () => {
  it('wakes those whom a change concerns, and nobody else', async () => {
    const { feed, woken } = start(async () => [1, 3])
    using odd = feed.join((n) => n % 2 === 1)
    using _even = feed.join((n) => n % 2 === 0)
    using three = feed.join((n) => n === 3)
    feed.stir()
    await settled()
    expect(woken).toEqual([odd.topic, three.topic])
  })

  it('reads a burst of changes together, whoever waits', async () => {
    const { feed, reads } = start(async () => {
      await settled()
      return []
    })
    const members = Array.from({ length: 100 }, () => feed.join(() => true))
    for (let i = 0; i < 100; i++) feed.stir()
    await settled()
    await settled()
    await settled()
    expect(reads()).toBe(2)
    for (const member of members) member[Symbol.dispose]()
    expect(feed.isWatched()).toBe(false)
  })

  it('tells each of them once that something concerned them', async () => {
    const { feed, woken } = start(async () => [1])
    using member = feed.join((n) => n === 1)
    expect(member.wasStirred()).toBe(false)
    feed.stir()
    await settled()
    expect([member.wasStirred(), member.wasStirred()]).toEqual([true, false])
    feed.stirAll()
    expect(member.wasStirred()).toBe(true)
    expect(woken).toEqual([member.topic, member.topic])
  })

  it('forgets who has left', async () => {
    const { feed, woken } = start(async () => [1])
    const gone = feed.join(() => true)
    gone[Symbol.dispose]()
    feed.stir()
    await settled()
    expect(woken).toEqual([])
  })

  it('wakes everybody when it cannot tell what has changed, and goes on', async () => {
    let fails = true
    const { feed, woken, errors } = start(async () => {
      if (fails) throw new Error('no store')
      return [2]
    })
    using member = feed.join((n) => n === 1)
    feed.stir()
    await settled()
    expect(woken).toEqual([member.topic])
    expect(errors).toHaveLength(1)
    fails = false
    feed.stir()
    await settled()
    expect(woken).toEqual([member.topic])
  })

  it('lets one of the woken work at a time, also after one that failed', async () => {
    const { feed } = start()
    let atOnce = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++atOnce)
      await settled()
      atOnce--
    }
    const turns = [work, work, () => Promise.reject(new Error('no')), work].map((each) => feed.inTurn(each))
    const ends = await Promise.allSettled(turns)
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(most).toBe(1)
  })
})
