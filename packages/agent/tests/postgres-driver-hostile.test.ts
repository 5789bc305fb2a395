import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPostgresDriver } from '../src/drivers/postgres.ts'
import { collect } from './postgres-driver-fixture.ts'

/** A server that answers as PostgreSQL does until it is sent a statement with `hostile` in it. */
let server: Server
let reply: (socket: Socket) => void
const sockets = new Set<Socket>()
const uncaught: unknown[] = []
const note = (error: unknown) => void uncaught.push(error)

beforeEach(async () => {
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  server = createServer(serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  server.close()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
  expect(uncaught.splice(0)).toEqual([])
})

function message(type: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body)
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeUInt32BE(bytes.length + 4, 1)
  return Buffer.concat([header, bytes])
}

const READY = message('Z', 'T')
const COLUMN = message(
  'T',
  Buffer.concat([Buffer.from('\0\x01n\0', 'latin1'), Buffer.from('00000000000000000019ffffffffffff0000', 'hex')]),
)
const row = (text: string) =>
  message('D', Buffer.concat([Buffer.from([0, 1, 0, 0, 0, text.length]), Buffer.from(text)]))
const done = (tag: string, status = 'T') => Buffer.concat([message('C', `${tag}\0`), message('Z', status)])

function serve(socket: Socket): void {
  sockets.add(socket)
  socket.on('error', () => {})
  let isStarted = false
  let held = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    if (!isStarted) {
      isStarted = true
      const parameters = [message('S', 'client_encoding\0UTF8\0'), message('S', 'server_version\x0018.0\0')]
      socket.write(
        Buffer.concat([
          message('R', '\0\0\0\0'),
          ...parameters,
          message('K', '\0\0\0\x01\0\0\0\x02'),
          message('Z', 'I'),
        ]),
      )
      return
    }
    held = Buffer.concat([held, chunk])
    const sync = held.indexOf(Buffer.from('S\0\0\0\x04'))
    if (sync < 0) return
    const sent = held.subarray(0, sync).toString('latin1')
    held = held.subarray(sync + 5)
    if (sent.includes('hostile')) reply(socket)
    else if (sent.includes('format_type')) socket.write(Buffer.concat([COLUMN, row('text'), done('SELECT 1')]))
    else
      socket.write(
        done(
          sent.includes('ROLLBACK') ? 'ROLLBACK' : 'BEGIN',
          sent.includes('BEGIN') || sent.includes('timeout') ? 'T' : 'I',
        ),
      )
  })
}

async function attempt(statement_timeout_ms = 10_000) {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server does not listen.')
  await using driver = createPostgresDriver({ url: `postgres://u:p@127.0.0.1:${address.port}/db` })
  const session = await driver.open({ readOnly: false, applicationName: 'x' })
  await session.begin('read_write')
  try {
    return await collect(session, 'select hostile', { limits: { statement_timeout_ms } })
  } finally {
    await session.rollback()
    await session.release({ reuse: true })
  }
}

const say =
  (...parts: (string | Buffer)[]) =>
  (socket: Socket) =>
    void socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))))

describe('a server', () => {
  test('that answers as it should is understood', async () => {
    reply = say(COLUMN, row('a'), row('b'), done('SELECT 2'))
    expect(await attempt()).toMatchObject({ columns: [{ name: 'n', type: 'text' }], rows: [['a'], ['b']], rowCount: 2 })
  })

  test.each<[string, string, (socket: Socket) => void]>([
    ['sends a message that does not exist', 'connection_lost', say(message('z', 'x'), READY)],
    ['sends a message of impossible length', 'protocol_error', say('D\0\0\0\0')],
    ['announces two gigabytes', 'result_too_large', say('X\x7f', Buffer.from([0xff, 0xff, 0xff]))],
    ['announces a field of a gigabyte', 'field_too_large', say(COLUMN, Buffer.from('4440000000000140000000', 'hex'))],
    ['sends rows without columns', 'protocol_error', say(row('a'), done('SELECT 1'))],
    [
      'sends a row with more fields than columns',
      'protocol_error',
      say(COLUMN, message('D', '\0\x02\0\0\0\x01a\0\0\0\x01b'), READY),
    ],
    ['sends a row that ends too early', 'protocol_error', say(COLUMN, message('D', '\0\x01\0'))],
    [
      'sends a row with a negative count',
      'protocol_error',
      say(COLUMN, message('D', Buffer.from([0xff, 0xff])), READY),
    ],
    ['sends columns that end too early', 'protocol_error', say(message('T', '\0\x09n\0'), READY)],
    ['sends an error that never ends', 'protocol_error', say(message('E', 'SERROR\0C'))],
    ['sends an error without a code', 'connection_lost', say(message('E', 'SERROR\0Mno code\0\0'), READY)],
    ['asks for a password in the middle', 'connection_lost', say(message('R', '\0\0\0\x0aSCRAM\0\0'))],
    ['asks for copy data', 'copy_refused', say(message('G', '\0\0\0'))],
    [
      'sends copy data',
      'copy_refused',
      say(message('H', '\0\0\0'), message('d', 'data'), message('c', ''), done('COPY 1')),
    ],
    ['starts replication', 'copy_refused', say(message('W', '\0\0\0'))],
    ['changes the encoding', 'protocol_error', say(message('S', 'client_encoding\0LATIN1\0'), done('SELECT 1'))],
    ['says the transaction is over', 'protocol_error', say(COLUMN, row('a'), done('SELECT 1', 'I'))],
    ['closes the connection', 'connection_lost', (socket) => void socket.end()],
    ['resets the connection', 'connection_lost', (socket) => void socket.resetAndDestroy()],
    [
      'closes it in the middle of a row',
      'connection_lost',
      (socket) => void socket.end(Buffer.concat([COLUMN, row('abcdef').subarray(0, 9)])),
    ],
    [
      'fails and closes',
      'connection_lost',
      (socket) => void socket.end(message('E', 'SFATAL\0C57P01\0Mgoing away\0\0')),
    ],
  ])('that %s is a %s', async (_, code, answer) => {
    reply = answer
    await expect(attempt()).rejects.toMatchObject({ name: 'DriverError', code })
  })

  test('that no longer answers is given up, although it ignores the cancel', async () => {
    reply = () => {}
    await expect(attempt(100)).rejects.toMatchObject({ code: 'statement_timeout' })
  })

  test('that cannot be reached to cancel is given up too', async () => {
    reply = () => void server.close()
    await expect(attempt(100)).rejects.toMatchObject({ code: 'statement_timeout' })
  })

  test('that has not read the statement when the cancel comes is asked again', async () => {
    let cancels = 0
    let statement: Socket | undefined
    reply = (socket) => {
      statement = socket
    }
    server.on('connection', (socket: Socket) =>
      socket.on('data', (chunk: Buffer) => {
        if (chunk.readUInt32BE(0) !== 16) return
        cancels += 1
        socket.destroy()
        if (cancels === 2)
          statement?.write(Buffer.concat([message('E', 'SERROR\0C57014\0Mcanceled\0\0'), message('Z', 'E')]))
      }),
    )
    await expect(attempt(100)).rejects.toMatchObject({ code: 'statement_timeout', sqlstate: '57014' })
    expect(cancels).toBe(2)
  })

  test('that closes every new connection is connection_failed', async () => {
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => void socket.end())
    await expect(attempt()).rejects.toMatchObject({ code: 'connection_failed' })
  })

  test('that speaks another protocol is connection_failed', async () => {
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    await expect(attempt()).rejects.toMatchObject({ code: 'connection_failed' })
  })
})
