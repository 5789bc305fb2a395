import type pg from 'pg'
import type { DriverError } from './driver.ts'
import { isServerError, toConnectionLost, toDatabaseError } from './postgres-errors.ts'

/** The part of pg's connection that is written to; its published types do not match it. */
export interface Wire {
  stream: { cork(): void; uncork(): void }
  parse(message: { text: string; name: string }): void
  bind(message: { portal: string; statement: string; values: (string | null)[] }): void
  describe(message: { type: 'P'; name: string }): void
  execute(message: { portal: string; rows: number }): void
  close(message: { type: 'P'; name: string }): void
  sync(): void
}

export interface Field {
  name: string
  dataTypeID: number
  dataTypeModifier: number
}

export interface ExchangeEnd {
  /** The command tag; undefined when the portal has more rows, and for an empty statement. */
  tag: string | undefined
  suspended: boolean
}

export interface RowHandlers {
  onFields(fields: Field[]): void
  /** `bytes` is the size of the values as they came, with the four of each one's length. */
  onRow(values: (string | null)[], bytes: number): void
  /** Asked after each part that was read; nothing more is read until the promise, which never rejects, resolves. */
  passOn?(): Promise<void> | undefined
}

export interface Exchange {
  submittable: pg.Submittable
  end: Promise<ExchangeEnd>
  /** Makes room for more rows, where there is none. */
  passOn(): Promise<void> | undefined
  /** The server is ready for the next. */
  ready(): void
  /** The connection is gone, and why. */
  fail(reason: DriverError): void
}

/**
 * One message cycle: what `send` writes, a Sync, and everything up to the server's ReadyForQuery, which is
 * waited for after an error too; when the connection ends instead, the error is a `connection_lost`.
 */
export function createExchange(
  send: (wire: Wire) => void,
  handlers: RowHandlers,
  broken: (error: unknown) => void,
): Exchange {
  const { promise: end, resolve, reject } = Promise.withResolvers<ExchangeEnd>()
  const result: ExchangeEnd = { tag: undefined, suspended: false }
  let refused: (pg.DatabaseError & { code: string }) | undefined
  const submittable = {
    submit(connection: pg.Connection) {
      const wire = connection as unknown as Wire
      wire.stream.cork()
      try {
        send(wire)
        wire.sync()
      } finally {
        wire.stream.uncork()
      }
    },
    handleRowDescription(message: { fields: Field[] }) {
      handlers.onFields(message.fields)
    },
    handleDataRow(message: { fields: (string | null)[]; length: number }) {
      handlers.onRow(message.fields, message.length - 6)
    },
    handlePortalSuspended() {
      result.suspended = true
    },
    handleCommandComplete(message: { text: string }) {
      result.tag = message.text
    },
    handleEmptyQuery() {},
    // The connection hears of every kind of copy, and ends.
    handleCopyInResponse() {},
    handleCopyData() {},
    handleReadyForQuery() {},
    handleError(error: unknown) {
      if (isServerError(error)) refused = error
      else broken(error)
    },
  }
  return {
    submittable,
    end,
    passOn: () => handlers.passOn?.(),
    ready: () => (refused === undefined ? resolve(result) : reject(toDatabaseError(refused))),
    fail: (reason) =>
      reject(refused !== undefined && reason.code === 'connection_lost' ? toConnectionLost(refused) : reason),
  }
}
