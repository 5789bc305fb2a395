import { randomBytes } from 'node:crypto'
import { type Column, DriverError, type Limits, type RowSink, type StatementResult, type Value } from './driver.ts'
import type { PostgresConnection } from './postgres-connection.ts'
import type { ExchangeEnd, Field, RowHandlers, Wire } from './postgres-exchange.ts'
import { type TypeNames, toColumns, toKnownColumns } from './postgres-types.ts'
import { type Decode, decoderFor } from './postgres-values.ts'

/** Few, as they are held until the types of the columns are known; more than one, so that a single row is the end. */
const FIRST_ROUND_ROWS = 2
const MAX_ROUND_ROWS = 1000
/** A round aims at this much, so that wide rows do not pile up while the sink works on the round before. */
const ROUND_BYTES = 4 * 1024 * 1024
/** A round that turns out this much larger is passed on in parts, between which nothing is read. */
const MAX_HELD_BYTES = 2 * ROUND_BYTES
/** A row is held in memory whole, whatever a result may have. */
const MAX_ROW_BYTES = 32 * 1024 * 1024

/** Tags of statements that end a transaction or start another in its place. */
const TRANSACTION_CONTROL = new Set(['BEGIN', 'START TRANSACTION', 'COMMIT', 'ROLLBACK', 'PREPARE TRANSACTION'])
const COUNTING_TAG = /^(?:INSERT \d+|UPDATE|DELETE|MERGE|COPY) (\d+)$/

export interface StatementOptions {
  /** `outside` takes the whole result in one round, because no portal outlives a Sync there. */
  transaction: 'read_only' | 'read_write' | 'outside'
  limits: Limits
  sink: RowSink
  typeNames: TypeNames
  /** Waits for the server, within the statement's time. */
  timed<T>(work: () => Promise<T>): Promise<T>
}

/** Runs one statement in a portal of its own, a round of rows at a time with a Sync after each. */
export async function runStatement(
  connection: PostgresConnection,
  sql: string,
  options: StatementOptions,
): Promise<StatementResult> {
  const { limits, sink, timed } = options
  const isOutside = options.transaction === 'outside'
  const messageLimits = {
    fieldBytes: limits.max_field_bytes,
    rowBytes: Math.min(limits.max_result_bytes, Math.max(MAX_ROW_BYTES, limits.max_field_bytes)),
  }
  const collector = createCollector(limits, sink, options.typeNames)
  const portal = `twinlock_${randomBytes(6).toString('hex')}`
  let earlierRows = 0
  const round = async (send: (wire: Wire) => void) => {
    earlierRows = collector.seen
    const end = await timed(() => connection.exchange(send, collector.handlers, messageLimits))
    if (!isOutside) assertSameTransaction(connection, end)
    return end
  }

  let end = await round((wire) => {
    wire.parse({ text: sql, name: '' })
    wire.bind({ portal, statement: '', values: [] })
    wire.describe({ type: 'P', name: portal })
    wire.execute({ portal, rows: isOutside ? 0 : collector.nextRound() })
  })
  const { fields } = collector
  if (fields !== undefined) await collector.begin(() => toColumns(connection, fields, options.typeNames))
  for (;;) {
    await collector.passAllOn()
    if (!end.suspended || collector.isFull) break
    end = await round((wire) => wire.execute({ portal, rows: collector.nextRound() }))
  }
  // What nobody will see. A statement that only reads ends here; one that may write runs to its end, because a
  // function in it would otherwise have been called for some of its rows.
  if (end.suspended && options.transaction === 'read_only')
    end = await round((wire) => wire.close({ type: 'P', name: portal }))
  else if (end.suspended) end = await round((wire) => wire.execute({ portal, rows: 0 }))
  return {
    affectedRows: toAffectedRows(end.tag, earlierRows),
    rowCount: fields === undefined ? null : collector.delivered,
    truncated: collector.isFull,
  }
}

function createCollector(limits: Limits, sink: RowSink, typeNames: TypeNames) {
  let fields: Field[] | undefined
  let decoders: Decode[] = []
  let rows: Value[][] = []
  let heldBytes = 0
  let seen = 0
  let delivered = 0
  let seenBytes = 0
  let isFull = false
  let hasBegun = false
  /** What the sink is still working on; it fails the statement, not the connection. */
  let passing: Promise<void> = Promise.resolve()

  async function begin(columns: () => Column[] | Promise<Column[]>): Promise<void> {
    await passing
    if (hasBegun) return
    hasBegun = true
    await sink.columns(await columns())
  }

  async function passRowsOn(): Promise<void> {
    const taken = rows
    rows = []
    heldBytes = 0
    if (taken.length > 0) await sink.rows(taken)
  }

  return {
    begin,
    handlers: {
      onFields(described: Field[]) {
        fields = described
        decoders = described.map((field) => decoderFor(field.dataTypeID))
      },
      onRow(values: (string | null)[], bytes: number) {
        if (values.length !== fields?.length) {
          throw new DriverError('protocol_error', 'The server sent a row that does not fit its columns.')
        }
        seen += 1
        if (isFull) return
        if (delivered === limits.max_rows || seenBytes + bytes > limits.max_result_bytes) {
          isFull = true
          return
        }
        delivered += 1
        seenBytes += bytes
        heldBytes += bytes
        rows.push(values.map((text, index) => (text === null ? null : (decoders[index]?.(text) ?? text))))
      },
      passOn() {
        if (heldBytes <= MAX_HELD_BYTES) return undefined
        const columns = hasBegun ? [] : toKnownColumns(fields ?? [], typeNames)
        if (columns === undefined) return undefined
        passing = begin(() => columns).then(passRowsOn)
        return passing.catch(() => {})
      },
    } satisfies RowHandlers,
    get fields() {
      return fields
    },
    /** Rows that came, wanted or not. */
    get seen() {
      return seen
    },
    get delivered() {
      return delivered
    },
    get isFull() {
      return isFull
    },
    async passAllOn(): Promise<void> {
      await passing
      await passRowsOn()
    },
    /** One row beyond the limit is asked for, to know whether there is one. */
    nextRound(): number {
      const rowBytes = Math.max(seenBytes / Math.max(delivered, 1), 1)
      const wanted = delivered === 0 ? FIRST_ROUND_ROWS : Math.ceil(ROUND_BYTES / rowBytes)
      return Math.max(1, Math.min(wanted, MAX_ROUND_ROWS, limits.max_rows - delivered + 1))
    },
  }
}

/** A statement that ended the transaction, or chained another to it, has undone what holds the next ones together. */
function assertSameTransaction(connection: PostgresConnection, end: ExchangeEnd): void {
  const isControl = end.tag !== undefined && TRANSACTION_CONTROL.has(end.tag)
  if (connection.transactionStatus === 'T' && !isControl) return
  const error = new DriverError('protocol_error', 'The statement ended the transaction that it was to run in.')
  connection.destroy(error)
  throw error
}

/** The tag of a portal that was read in rounds counts the rows of the last one only. */
function toAffectedRows(tag: string | undefined, earlierRows: number): number | null {
  const count = COUNTING_TAG.exec(tag ?? '')?.[1]
  return count === undefined ? null : Number(count) + earlierRows
}
