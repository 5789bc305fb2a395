/** What the agent knows of a database engine. Only the drivers beside this file talk to target databases. */

export interface Limits {
  statement_timeout_ms: number
  lock_timeout_ms: number
  max_rows: number
  max_result_bytes: number
  max_field_bytes: number
}

/** `type` is the engine's own full name of the type: `bigint`, `numeric(38,10)`, `character varying(20)[]`. */
export interface Column {
  name: string
  type: string
}

/** What JSON cannot carry exactly is a string. */
export type Value = string | number | boolean | null

/**
 * Receives one statement's result set; `columns` comes once, before any row, also when there are none.
 * A returned promise is back pressure: the driver fetches no further round until it resolves.
 */
export interface RowSink {
  columns(columns: Column[]): void | Promise<void>
  rows(rows: Value[][]): void | Promise<void>
}

export interface StatementResult {
  /** Rows written, as the server counts them; null for a statement that only reads or counts nothing. */
  affectedRows: number | null
  /** Rows delivered to the sink; null when the statement returns no result set. */
  rowCount: number | null
  /** A limit of rows or bytes ended the result before its end. */
  truncated: boolean
}

/** Names a transaction beyond the life of its connection and of this process. */
export interface TransactionRef {
  engine: 'postgresql'
  transaction_id: string
  system_identifier: string
  timeline: number
}

export type TransactionStatus = 'committed' | 'aborted' | 'in_progress' | 'unknown'

export interface RunOptions {
  inTransaction: boolean
  limits: Limits
  /** Called before the statement is sent, and not at all when it is not. */
  onSend?: () => void
  sink: RowSink
}

/** One connection, in the hands of one execution. */
export interface Session {
  readonly serverVersion: string
  /** Limits that are given hold for the first statement; a driver may save a message by it. */
  begin(mode: 'read_only' | 'read_write', limits?: Limits): Promise<void>
  /** Runs exactly the bytes of `sql`, as one statement. */
  run(sql: string, options: RunOptions): Promise<StatementResult>
  /** Asked for before COMMIT; null when the transaction has written nothing. */
  commitRef(): Promise<TransactionRef | null>
  commit(): Promise<void>
  /** Never throws; closes the connection when it cannot roll back. */
  rollback(): Promise<void>
  /** Asks the server to stop the running statement, which then fails with code `cancelled`. */
  cancel(reason: string): Promise<void>
  /** `reuse` resets the session and keeps it for the next; otherwise, or on any doubt, it is closed. */
  release(options: { reuse: boolean }): Promise<void>
}

export interface OpenOptions {
  readOnly: boolean
  applicationName: string
  /** Ends the opening, which then fails with code `cancelled`. */
  signal?: AbortSignal
}

export interface TargetFacts {
  serverVersion: string
}

/** What somebody with the agent's credentials could do; for people who set up an agent. */
export interface Inspection {
  role: string
  serverVersion: string
  isEncrypted: boolean
  /** The database's clock minus this machine's. */
  clockSkewMs: number
  /** What goes beyond the data of the database, as ends of a sentence about the role. */
  powers: string[]
  /** What it may write: tables, and where it may create some. */
  writable: string[]
  /** Whether the database can be asked after a crash what became of a transaction. */
  canAskTransactions: boolean
}

export interface TargetDriver extends AsyncDisposable {
  /** Throws a DriverError `connection_failed`, `pooler_detected` or `cancelled`. */
  open(options: OpenOptions): Promise<Session>
  /** Looks whether the database may be served, on connections of its own. Throws a DriverError. */
  check(signal?: AbortSignal): Promise<TargetFacts>
  /** Looks at the credentials that sessions of this kind use; changes nothing. */
  inspect(access: 'read_only' | 'read_write'): Promise<Inspection>
  /** `unknown` when the server is not the one that ran the transaction, or has forgotten it. */
  transactionStatus(ref: TransactionRef): Promise<TransactionStatus>
}

export type DriverErrorCode =
  | 'connection_failed'
  | 'connection_lost'
  /** Sessions are shared: what one leaves behind reaches another. */
  | 'pooler_detected'
  | 'dialect_mismatch'
  | 'database_error'
  | 'statement_timeout'
  | 'lock_timeout'
  | 'cancelled'
  | 'copy_refused'
  | 'field_too_large'
  | 'result_too_large'
  | 'protocol_error'

export interface DriverErrorDetails {
  sqlstate?: string | undefined
  detail?: string | undefined
  hint?: string | undefined
  /** 1-based character in the statement. */
  position?: number | undefined
  cause?: unknown
}

export class DriverError extends Error {
  override readonly name = 'DriverError'
  readonly code: DriverErrorCode
  readonly sqlstate: string | undefined
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly position: number | undefined

  constructor(code: DriverErrorCode, message: string, details: DriverErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.sqlstate = details.sqlstate
    this.detail = details.detail
    this.hint = details.hint
    this.position = details.position
  }
}
