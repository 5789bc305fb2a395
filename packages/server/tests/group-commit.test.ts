import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectSqlite, type Database, type Tx } from '../src/db/connect.ts'

let dir: string
let db: Database
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'twinlock-commits-'))
  db = await connectSqlite(join(dir, 'state.db'))
})
afterAll(async () => {
  await db[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

const put = (key: string) => (tx: Tx) => tx.insertInto('meta').values({ key, value: 'x' }).execute()
const keys = async (prefix: string) =>
  (await db.read.selectFrom('meta').select('key').where('key', 'like', `${prefix}%`).orderBy('key').execute()).map(
    ({ key }) => key,
  )

describe('units of work that wait together', () => {
  it('are all kept, and each is told so when it can be read', async () => {
    const names = Array.from({ length: 150 }, (_, i) => `many${String(i).padStart(3, '0')}`)
    await Promise.all(
      names.map(async (name) => {
        await db.transact(put(name))
        expect(await keys(name)).toEqual([name])
      }),
    )
    expect(await keys('many')).toEqual(names)
  })

  it('one that fails is undone alone, wherever it stands', async () => {
    const broken = async (tx: Tx) => {
      await put('half')(tx)
      throw new Error('broken')
    }
    const units = [broken, put('ok1'), broken, put('ok2'), put('ok1'), broken]
    const ends = await Promise.allSettled(units.map((unit) => db.transact<unknown>(unit)))
    expect(ends.map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'rejected',
    ])
    expect(await keys('half')).toEqual([])
    expect(await keys('ok')).toEqual(['ok1', 'ok2'])
  })

  it('nobody is told of a success that the end of the transaction undid', async () => {
    const ending = (tx: Tx) => sql`rollback`.execute(tx).then(() => Promise.reject(new Error('the store gave up')))
    const ends = await Promise.allSettled([
      db.transact(put('undone1')),
      db.transact(put('undone2')),
      db.transact(ending),
      db.transact(put('undone3')),
    ])
    const told = ['undone1', 'undone2', 'undone3'].filter((_, i) => ends[i === 2 ? 3 : i]?.status === 'fulfilled')
    expect(await keys('undone')).toEqual(told)
    expect(told).not.toContain('undone1')
    await db.transact(put('after'))
    expect(await keys('after')).toEqual(['after'])
  })

  it('what need not be synced at once is seen at once, and shares no fate but the order', async () => {
    const order: string[] = []
    await Promise.all([
      db.transact(put('order1'), 'with_next').then(() => order.push('1')),
      db.transact(put('order2')).then(() => order.push('2')),
      db.transact(put('order3'), 'with_next').then(() => order.push('3')),
    ])
    expect(order).toEqual(['1', '2', '3'])
    expect(await keys('order')).toEqual(['order1', 'order2', 'order3'])
  })

  it('a unit that reads past its transaction, or opens another, is an error and no deadlock', async () => {
    await expect(db.transact(async () => void db.read)).rejects.toThrow('inside a transaction')
    await expect(db.transact(() => db.transact(put('nested')))).rejects.toThrow('inside a transaction')
    await Promise.all([db.transact(put('next1')), db.transact(async () => {}).then(() => db.transact(put('next2')))])
    expect(await keys('next')).toEqual(['next1', 'next2'])
  })
})
