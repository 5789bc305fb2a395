import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import pg from 'pg'
import { DriverError } from './driver.ts'
import { createMemoryRoom, type GiveBack } from './memory-room.ts'
import { createMessageGuard, type MessageLimits } from './message-guard.ts'
import { sendCancelRequest } from './postgres-cancel.ts'
import { isServerError, toConnectionFailed, toConnectionLost } from './postgres-errors.ts'
import { createExchange, type Exchange, type ExchangeEnd, type RowHandlers, type Wire } from './postgres-exchange.ts'
import { REQUIRED_PARAMETERS } from './postgres-settings.ts'

/** For the driver's own queries, whose answers are short. */
const OWN_LIMITS: MessageLimits = { fieldBytes: 1024 * 1024, rowBytes: 1024 * 1024 }
/** Large rows that are on their way at once, over all connections. */
const LARGE_ROWS = createMemoryRoom(32 * 1024 * 1024)
const NO_ROOM = { bytes: 0, giveBack: () => {} }
const OWN_TIMEOUT_MS = 30_000
const CANCEL_TIMEOUT_MS = 2_000
const CLOSE_TIMEOUT_MS = 2_000

/** What pg's client knows and its published types leave out. */
interface ClientInternals {
  processID: number
  secretKey: number
  ssl: boolean | ConnectionOptions
}

/** A statement of the driver's own, with its values as text. */
export type OwnQuery = readonly [sql: string, values?: readonly (string | null)[]]

/** A connection whose every failure rejects a promise: nothing that a server sends, or fails to send, is thrown. */
export class PostgresConnection implements AsyncDisposable {
  readonly #client: pg.Client
  readonly #guard = createMessageGuard(OWN_LIMITS, (bytes) => this.#parse(bytes))
  #parse: (bytes: Buffer) => void = () => {}
  #largeRow: { bytes: number; giveBack: GiveBack } = NO_ROOM
  #current: Exchange | undefined
  #failure: DriverError | undefined
  #cancelling: Promise<void> = Promise.resolve()
  serverVersion = ''

  static async connect(config: pg.ClientConfig, signal?: AbortSignal): Promise<PostgresConnection> {
    const connection = new PostgresConnection(config)
    using _ = connection.destroyOn(signal)
    try {
      await connection.#connect()
      return connection
    } catch (error) {
      const failure = toConnectionFailed(isServerError(error) ? error : (connection.#failure ?? error))
      connection.destroy(failure)
      throw failure
    }
  }

  private constructor(config: pg.ClientConfig) {
    this.#client = new pg.Client(config)
    this.#client.on('error', (error) => this.#fail(toConnectionLost(error)))
    this.#client.on('end', () => this.#fail(toConnectionLost(new Error('it was closed by the server'))))
    const wire = this.#client.connection
    for (const copy of ['copyInResponse', 'copyOutResponse', 'replicationStart']) {
      wire.on(copy, () => this.destroy(new DriverError('copy_refused', 'COPY from or to the client is not supported.')))
    }
    wire.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
      const { parameterName: name, parameterValue: value } = message
      if (name === 'server_version') this.serverVersion = value
      const required = REQUIRED_PARAMETERS[name]
      if (required !== undefined && required !== value) {
        this.destroy(
          new DriverError('protocol_error', `The session's ${name} became ${value}; it must be ${required}.`),
        )
      }
    })
    wire.on('readyForQuery', () => this.#current?.ready())
    wire.on('sslconnect', () => this.#guardStream())
  }

  /** The backend that the server named when it let the client in. */
  get processId(): number {
    return (this.#client as unknown as ClientInternals).processID
  }

  get isEncrypted(): boolean {
    return (this.#client.connection.stream as Partial<TLSSocket>).encrypted === true
  }

  get isUsable(): boolean {
    return this.#failure === undefined
  }

  /** `I` outside a transaction, `T` inside, `E` inside one that failed. */
  get transactionStatus(): 'I' | 'T' | 'E' | null {
    return this.#client.getTransactionStatus()
  }

  /** One message cycle under `limits`. */
  async exchange(
    send: (wire: Wire) => void,
    handlers: RowHandlers,
    limits: MessageLimits = OWN_LIMITS,
  ): Promise<ExchangeEnd> {
    await this.#cancelling
    if (this.#failure !== undefined) throw this.#failure
    if (this.#current !== undefined) throw new Error('A session runs one statement at a time.')
    const exchange = createExchange(send, handlers, (error) => this.destroy(toConnectionLost(error)))
    this.#current = exchange
    this.#guard.limits = limits
    try {
      this.#client.query(exchange.submittable)
      return await exchange.end
    } finally {
      this.#current = undefined
      this.#guard.limits = OWN_LIMITS
    }
  }

  /** A query of the driver's own, never anybody's SQL: all its rows, as the server's text. */
  query(sql: string, values: (string | null)[] = [], timeoutMs = OWN_TIMEOUT_MS): Promise<(string | null)[][]> {
    return this.queryAll([[sql, values]], timeoutMs)
  }

  /** Several of them on one way to the server, where the first that fails is the last: the rows of all. */
  async queryAll(queries: readonly OwnQuery[], timeoutMs = OWN_TIMEOUT_MS): Promise<(string | null)[][]> {
    const rows: (string | null)[][] = []
    const timer = setTimeout(
      () => this.destroy(new DriverError('connection_lost', 'The database did not answer in time.')),
      timeoutMs,
    ).unref()
    try {
      await this.exchange(
        (wire) => {
          for (const [text, values = []] of queries) {
            wire.parse({ text, name: '' })
            wire.bind({ portal: '', statement: '', values: [...values] })
            wire.describe({ type: 'P', name: '' })
            wire.execute({ portal: '', rows: 0 })
          }
        },
        { onFields: () => {}, onRow: (row) => rows.push(row) },
      )
      return rows
    } finally {
      clearTimeout(timer)
    }
  }

  /** Resolves when the server has signalled the statement, or cannot be reached to do so; until then nothing else is sent. */
  async cancel(): Promise<void> {
    const { processID, secretKey, ssl } = this.#client as unknown as ClientInternals
    const { remoteAddress, remotePort } = this.#client.connection.stream as Socket
    const { host: hostName = '', port } = this.#client
    if (this.#failure !== undefined) return
    const address =
      remoteAddress === undefined
        ? { path: `${hostName}/.s.PGSQL.${port}` }
        : { host: remoteAddress, port: remotePort ?? port }
    const tls = ssl === true ? {} : ssl === false ? undefined : ssl
    const target = { address, hostName, tls, processId: processID, secretKey }
    const sent = sendCancelRequest(target, CANCEL_TIMEOUT_MS)
    this.#cancelling = Promise.all([this.#cancelling, sent]).then(() => {})
    await sent
  }

  /** Closes at once; whatever was waiting fails with `reason`. */
  destroy(reason: DriverError): void {
    this.#fail(reason)
    this.#client.connection.stream.destroy()
  }

  /** Closes when the signal is aborted; not any more once disposed of. */
  destroyOn(signal: AbortSignal | undefined): Disposable {
    const destroy = () => this.destroy(new DriverError('cancelled', 'The connection was not waited for any longer.'))
    if (signal?.aborted) destroy()
    signal?.addEventListener('abort', destroy)
    return { [Symbol.dispose]: () => signal?.removeEventListener('abort', destroy) }
  }

  /** Says goodbye, then closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    const reason = new DriverError('connection_lost', 'The connection was closed.')
    const timer = setTimeout(() => this.destroy(reason), CLOSE_TIMEOUT_MS)
    const isUsable = this.isUsable
    this.#fail(reason)
    if (isUsable) await this.#client.end().catch(() => {})
    clearTimeout(timer)
    this.#client.connection.stream.destroy()
  }

  async #connect(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const connected = this.#client.connect()
    if (!this.#client.ssl) this.#guardStream()
    await connected
  }

  /** Puts the guard before the parser, and what either throws into the connection's failure. */
  #guardStream(): void {
    const stream: Duplex = this.#client.connection.stream
    const listeners = stream.listeners('data')
    stream.removeAllListeners('data')
    this.#parse = (bytes) => {
      for (const parse of listeners) parse.call(stream, bytes)
    }
    stream.on('data', (chunk: Buffer) => {
      if (this.#failure !== undefined) return
      try {
        this.#guard.pass(chunk)
      } catch (error) {
        const reason = new DriverError('protocol_error', 'The server sent what cannot be read.', { cause: error })
        this.destroy(error instanceof DriverError ? error : reason)
        return
      }
      const room = this.#makeRoom()
      if (room === undefined) return
      stream.pause()
      void room.then(() => stream.resume())
    })
  }

  /** Before more is read: rows are passed on once they are many, and a large one waits until there is memory for it. */
  #makeRoom(): Promise<void> | undefined {
    const passedOn = this.#current?.passOn()
    const { largeBytes } = this.#guard
    if (passedOn === undefined && largeBytes === this.#largeRow.bytes) return undefined
    return Promise.resolve(passedOn).then(() => this.#holdRoom(largeBytes))
  }

  async #holdRoom(bytes: number): Promise<void> {
    if (bytes === this.#largeRow.bytes) return
    this.#largeRow.giveBack()
    this.#largeRow = NO_ROOM
    if (bytes > 0) this.#largeRow = { bytes, giveBack: await LARGE_ROWS.take(bytes) }
    if (this.#failure !== undefined) this.#largeRow.giveBack()
  }

  #fail(reason: DriverError): void {
    this.#failure ??= reason
    this.#largeRow.giveBack()
    this.#current?.fail(this.#failure)
  }
}
