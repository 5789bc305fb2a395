import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { api } from '@twinlock/contract'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type PlayServer, startPlayServer } from './play-server.ts'
import { createDesk, type Desk } from './run-twinlock.ts'
import { executionView, requestView, USERS } from './sample-views.ts'

let server: PlayServer
let desk: Desk
beforeEach(async () => {
  server = await startPlayServer()
  desk = await createDesk({ TWINLOCK_SERVER: server.url, TWINLOCK_TOKEN: 'twl_user_secret' })
  server.play(api.requests.get, () =>
    requestView({ latest_execution: { id: executionView().id, status: 'succeeded', effect: 'none' } }),
  )
})
afterEach(async () => {
  await desk[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

/** A result of so many rows, as it is asked for. */
function* bigResult(rows: number): Generator<string> {
  const hash = createHash('sha256')
  const line = (value: unknown) => {
    const text = `${JSON.stringify(value)}\n`
    hash.update(text)
    return text
  }
  yield line({ statement: 1, columns: USERS.columns })
  for (let from = 0; from < rows; from += 1000)
    yield line({
      rows: Array.from({ length: 1000 }, (_, i) => [String(from + i), `${'a rather long name '.repeat(8)}${from + i}`]),
    })
  yield `${JSON.stringify({ row_count: rows, affected_rows: null, truncated: false, sha256: hash.digest('hex') })}\n`
}

/** Not room enough for these rows, were they kept. */
const SMALL = { NODE_OPTIONS: '--max-old-space-size=40' }
const ROWS = 300_000

test.each(['table', 'json'])(
  'more rows than fit into memory are written as %s',
  { timeout: 120_000 },
  async (format) => {
    server.play(api.executions.get, () =>
      executionView({ statements: [{ status: 'succeeded', affected_rows: null, row_count: ROWS }] }),
    )
    server.playStream(api.executions.result, () => ({ stream: bigResult(ROWS) }))
    const argv = ['result', '1042', '-o', format, '--output', 'rows']
    expect(await desk.run(argv, { env: SMALL })).toMatchObject({
      exit: 0,
      stderr: expect.stringMatching(/^300,000 rows /),
    })
    await using file = await open(join(desk.folder, 'rows'))
    expect((await file.stat()).size).toBeGreaterThan(45_000_000)
  },
)
