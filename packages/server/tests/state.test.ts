import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { api } from '@twinlock/contract'
import {
  DEFAULT_CONFIG,
  readAuditRecords,
  startTestServer,
  submit,
  type TestServer,
  type TestUser,
} from '@twinlock/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EXECUTION_TRANSITIONS } from '../src/executions/execution-state.ts'
import { REQUEST_TRANSITIONS } from '../src/requests/request-state.ts'
import { createManualAgent } from './fixtures/manual-agent.ts'

type Row = Record<string, string | number | bigint | null>
type Table = 'requests' | 'executions'

const REQUEST_MOVES = [
  ['new', 'pending'],
  ['new', 'approved'],
  ...Object.entries(REQUEST_TRANSITIONS).flatMap(([from, moves]) =>
    // Two commands may lead to one place.
    [...new Set(Object.values(moves))].map((to) => [from, to]),
  ),
]
const EXECUTION_MOVES = [
  ['new', 'queued'],
  ...Object.entries(EXECUTION_TRANSITIONS).flatMap(([from, moves]) =>
    Object.values(moves).flatMap((tos: readonly string[]) => tos.map((to) => [from, to])),
  ),
]
const MOVES: Record<Table, (string | undefined)[][]> = { requests: REQUEST_MOVES, executions: EXECUTION_MOVES }
const STATUSES: Record<Table, string[]> = {
  requests: Object.keys(REQUEST_TRANSITIONS),
  executions: Object.keys(EXECUTION_TRANSITIONS),
}

let server: TestServer
let alice: TestUser
let bob: TestUser
/** Another program on the same file: what it is refused, no bug of the server can do either. */
let file: DatabaseSync

beforeAll(async () => {
  server = await startTestServer({ config: DEFAULT_CONFIG })
  alice = await server.createUser('alice', 'developer')
  bob = await server.createUser('bob', 'approver')
  const { id } = await submit(alice.client, 'select 1', 'app/production')
  await bob.client.call(api.requests.approve, { params: { id }, body: { step: 1, comment: 'fine' } })
  await server.createUser('carol', 'admin')
  await server.admin.client.call(api.identity.removeUser, { params: { name: 'carol' } })
  await submit(alice.client, 'select 1', 'app/development', { start: 'on_approval' })
  await createManualAgent(server, server.agentToken, 'dev-1', ['app/development']).poll()
  file = new DatabaseSync(join(server.stateDir, 'twinlock.db'), { timeout: 5000 })
})
afterAll(async () => {
  file.close()
  await server[Symbol.asyncDispose]()
})

/** What `work` does is tried, and undone in any case. */
function trying(work: () => void): void {
  file.exec('begin immediate')
  try {
    work()
  } finally {
    file.exec('rollback')
  }
}

function firstRow(table: Table | 'reviews'): Row {
  const row = file.prepare(`select * from ${table} order by rowid limit 1`).get()
  if (row === undefined) throw new Error(`${table} is empty`)
  return row as Row
}

function insert(table: string, row: Row): void {
  const columns = Object.keys(row)
  const places = columns.map(() => '?').join(', ')
  file.prepare(`insert into ${table} (${columns.join(', ')}) values (${places})`).run(...Object.values(row))
}

function move(table: Table, id: string, from: string, to: string): void {
  const effect = table === 'requests' ? '' : `, effect = ${EXECUTION_ENDS.includes(to) ? "'none'" : 'null'}`
  file.prepare(`update ${table} set status = ?, previous_status = ?${effect} where id = ?`).run(to, from, id)
}

const EXECUTION_ENDS = ['succeeded', 'failed', 'cancelled']

/** A new row that came to `status` by legal moves alone. */
function insertAt(table: Table, status: string): string {
  const path = pathTo(table, status)
  const [first = ''] = path
  const request = { ...firstRow('requests'), id: 'req_x', number: 999_999, work_order_digest: 'sha256:x' }
  insert('requests', { ...request, status: 'approved', previous_status: 'new' })
  const id = `${table}_y`
  if (table === 'requests')
    insert(table, {
      ...request,
      id,
      number: 999_998,
      work_order_digest: 'sha256:y',
      status: first,
      previous_status: 'new',
    })
  else {
    const row = { ...firstRow('executions'), id, request_id: 'req_x', effect: null }
    insert(table, { ...row, status: first, previous_status: 'new' })
  }
  path.slice(1).forEach((to, i) => {
    move(table, id, path[i] ?? '', to)
  })
  return id
}

function pathTo(table: Table, status: string): string[] {
  const paths = new Map<string, string[]>([['new', []]])
  for (const [from, path] of paths)
    for (const [a, b = ''] of MOVES[table]) if (a === from && !paths.has(b)) paths.set(b, [...path, b])
  const path = paths.get(status)
  if (!path?.length) throw new Error(`nothing leads to ${status}`)
  return path
}

describe('the schema', () => {
  it.each([
    ['request_transitions', REQUEST_MOVES],
    ['execution_transitions', EXECUTION_MOVES],
  ])('repeats the law of the state machine: %s', (table, moves) => {
    const rows = file.prepare(`select from_status, to_status from ${table}`).all()
    const pairs = rows.map((row) => `${row.from_status} -> ${row.to_status}`)
    expect(pairs.sort()).toEqual(moves.map(([from, to]) => `${from} -> ${to}`).sort())
  })

  for (const table of ['requests', 'executions'] as const)
    for (const from of STATUSES[table])
      it(`lets ${table} that are ${from} go where the law says, and nowhere else`, () => {
        for (const to of STATUSES[table].filter((status) => status !== from))
          trying(() => {
            const id = insertAt(table, from)
            const legal = MOVES[table].some(([a, b]) => a === from && b === to)
            if (legal) expect(() => move(table, id, from, to)).not.toThrow()
            else expect(() => move(table, id, from, to)).toThrow(/FOREIGN KEY constraint failed/)
          })
      })

  it.each(['requests', 'executions'] as const)('refuses a move that names another origin: %s', (table) => {
    for (const [from = '', to = ''] of MOVES[table].filter(([from]) => from !== 'new'))
      for (const [claimed = ''] of MOVES[table].filter(([a, b]) => b === to && a !== from))
        trying(() => {
          const id = insertAt(table, from)
          expect(() => move(table, id, claimed, to)).toThrow(
            `${table}: previous_status is not the status it moved from`,
          )
        })
  })

  it.each([
    [
      'more slots than the approval has',
      'update requests set slots_used = max_executions + 1',
      /slots_are_not_overdrawn/,
    ],
    ['a slot that was never taken', 'update requests set slots_used = -1', /slots_are_not_overdrawn/],
    [
      'an approval without its time',
      "update requests set approved_via = 'auto', approved_at = null",
      /an_approval_has/,
    ],
    ['a way of approval that there is not', "update requests set approved_via = 'magic'", /CHECK constraint failed/],
    ['an end without an effect', "update executions set effect = 'none'", /an_ended_execution_has_an_effect/],
    ['a lease without a holder', 'update executions set agent_id = null', /a_lease_has_a_holder/],
    ['an agent that there is not', "update executions set agent_id = 'ghost'", /FOREIGN KEY/],
    ['a changed audit record', "update audit_records set body = '{}' where seq = 1", /audit_records are append-only/],
    ['a changed hash', "update audit_records set hash = 'x' where seq = 2", /audit_records are append-only/],
    ['a removed audit record', 'delete from audit_records where seq = 1', /audit_records are append-only/],
    ['an emptied log', 'delete from audit_records', /audit_records are append-only/],
    ['a changed review', "update reviews set decision = 'reject'", /reviews are append-only/],
    ['a withdrawn review', 'delete from reviews', /reviews are append-only/],
    ['a removed user who comes back', "update users set status = 'active' where name = 'carol'", /does not come back/],
    ['a user of another name', "update users set name = 'mallory' where name = 'bob'", /users keep their names/],
    ['a vanished user', "delete from users where name = 'carol'", /users are kept/],
    ['a suspension by nobody', "update users set status = 'suspended' where name = 'bob'", /a_suspension_is_somebodys/],
    ['a revoked token that works again', 'update tokens set revoked_at = null where revoked_at > 0', /stays revoked/],
    [
      'a token of somebody else',
      "update tokens set user_id = (select id from users where name = 'admin')",
      /stay what they are/,
    ],
    ['a token that is bound to more', "update tokens set targets = null where kind = 'agent'", /stay what they are/],
    ['a token that lives longer', 'update tokens set expires_at = null', /stay what they are/],
    ['a vanished request', 'delete from requests', /FOREIGN KEY/],
  ])('refuses %s', (_, statement, message) => {
    trying(() => expect(() => file.exec(statement)).toThrow(message))
  })

  it.each(['audit_records', 'reviews', 'users', 'tokens'])(
    'refuses REPLACE, which would delete without a word, on %s',
    (table) => {
      trying(() =>
        expect(() => file.exec(`insert or replace into ${table} select * from ${table} limit 1`)).toThrow(
          /append-only|follow each other|users are kept|stay what they are/,
        ),
      )
    },
  )

  it.each(['sql', 'work_order', 'work_order_digest', 'scope_id', 'max_executions', 'requester_id'])(
    'refuses another %s for a request',
    (column) => {
      trying(() => expect(() => file.exec(`update requests set ${column} = ${column}`)).toThrow(/does not change/))
    },
  )

  it.each([
    ['requests', 'pending', 'approved'],
    ['executions', 'running', 'succeeded'],
  ] as const)('refuses a row of %s that begins in the middle', (table, from, to) => {
    const row = { ...firstRow(table), id: `${table}_x`, status: to, previous_status: from }
    trying(() => expect(() => insert(table, row)).toThrow(/begin as new/))
  })

  it('refuses a second review by one person', () => {
    const review = { ...firstRow('reviews'), id: 'rev_x', step: 2 }
    trying(() => expect(() => insert('reviews', review)).toThrow(/reviews are append-only/))
  })

  it('refuses a second audit record at one place or after one record', () => {
    const head = file.prepare('select * from audit_records order by seq desc limit 1').get() as Row
    const next = { ...head, seq: Number(head.seq) + 1 }
    trying(() =>
      expect(() => insert('audit_records', { ...head, hash: 'x', prev_hash: 'x' })).toThrow(/follow each other/),
    )
    trying(() =>
      expect(() => insert('audit_records', { ...next, hash: 'x' })).toThrow(/audit_records follow each other/),
    )
    const gap = { ...head, seq: Number(head.seq) + 2, hash: 'x', prev_hash: 'x' }
    trying(() => expect(() => insert('audit_records', gap)).toThrow(/follow each other/))
  })

  it.each(['queued', 'leased', 'running', 'lost'])('refuses a second execution beside one that is %s', (status) => {
    trying(() => {
      insertAt('executions', status)
      const second = { ...firstRow('executions'), id: 'exe_z', request_id: 'req_x', status: 'queued' }
      expect(() => insert('executions', { ...second, previous_status: 'new' })).toThrow(/UNIQUE.*executions.request_id/)
    })
  })

  it.each(EXECUTION_ENDS)('allows another execution after one that has %s', (status) => {
    trying(() => {
      insertAt('executions', status)
      const second = { ...firstRow('executions'), id: 'exe_z', request_id: 'req_x', status: 'queued' }
      expect(() => insert('executions', { ...second, previous_status: 'new' })).not.toThrow()
    })
  })
})

describe('a transaction', () => {
  it('refuses, at once, to read past itself or to open another', async () => {
    const { db } = server.server.ctx
    const write = sql`insert into meta (key, value) values ('probe', 'x')`
    const within = async (work: () => unknown) =>
      db.transact(async (tx) => {
        await write.execute(tx)
        await work()
      })
    await expect(within(() => db.read.selectFrom('meta').selectAll().execute())).rejects.toThrow(
      'tried to read inside a transaction',
    )
    await expect(within(() => db.transact(async () => {}))).rejects.toThrow('inside a transaction')
    const rows = await db.read.selectFrom('meta').select('key').where('key', '=', 'probe').execute()
    expect(rows).toEqual([])
  })

  it.each([[new Date(0)], [true], [undefined], [2 ** 53], [0.5], [{}]])(
    'refuses %s, which the database would store as something else',
    async (value) => {
      const { db } = server.server.ctx
      const write = sql`insert into meta (key, value) values ('probe', ${value})`
      await expect(db.transact((tx) => write.execute(tx))).rejects.toThrow(/cannot be stored/)
    },
  )
})

describe('state of a newer version', () => {
  it('is refused and left as it is', async () => {
    await using first = await startTestServer({ config: DEFAULT_CONFIG })
    const { db } = first.server.ctx
    await db.transact((tx) => tx.insertInto('schema_migrations').values({ name: '999-later' }).execute())
    const records = await readAuditRecords(first)
    await first.server[Symbol.asyncDispose]()
    const start = () => startTestServer({ config: DEFAULT_CONFIG, stateDir: first.stateDir })
    await expect(start()).rejects.toThrow(/newer version of Twinlock.*999-later/)
    const past = new DatabaseSync(join(first.stateDir, 'twinlock.db'))
    past.exec("delete from schema_migrations where name = '999-later'")
    past.close()
    await using again = await start()
    expect(await readAuditRecords(again)).toEqual(records)
  })
})
