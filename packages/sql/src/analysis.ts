/** The SQL dialects that a target may declare. A dialect is configured, never guessed. */
export type Dialect = 'postgresql' | 'mysql' | 'mariadb'

/**
 * What a statement is, decided from its parse tree, weakest first:
 * - `select`: reads, and calls nothing but harmless built-ins;
 * - `dml`: changes rows, takes locks, leaves something in the session, or calls a function nobody vouches for;
 * - `ddl`: changes the schema, or what is stored for it;
 * - `privileged`: rights, functions, server, session or file access, and everything not known to be less;
 * - `unparsed`: the parser could not read it, so nothing is known about it.
 */
export type Operation = 'select' | 'dml' | 'ddl' | 'privileged' | 'unparsed'

/** Why a statement is not a plain read. */
export interface Reason {
  /** Stable, snake_case: `data_change`, `unknown_function`, … Branch on this, not on the message. */
  code: string
  /** For people. Names functions and settings, never values from the statement. */
  message: string
  /** Zero-based UTF-16 offset in the submitted text. */
  position?: number
}

/** A statement that is refused by name, whatever policy says. */
export interface Forbidden {
  /** Stable, snake_case name of the rule: `transaction_control`, `set_role`, … */
  rule: string
  message: string
  /** What to do instead. */
  hint: string
}

/** One statement of a submitted text. */
export interface Statement {
  /**
   * Slice of the submitted text, untouched: from the end of the previous slice up to and including `;`. White space
   * and comments after the last `;` belong to the last slice, so that the slices joined are the submitted text.
   */
  sql: string
  /** The parser's name of the statement's root: `SelectStmt`, `AlterTableStmt`, …, or `unparsed`. */
  kind: string
  operation: Operation
  /** False when the database refuses the statement inside a transaction (`CREATE INDEX CONCURRENTLY`, `VACUUM`, …). */
  transactional: boolean
  /** Set when the statement is refused by name; its operation is then `privileged`. */
  forbidden: Forbidden | null
  /** Empty for a plain read; otherwise at least one. */
  reasons: Reason[]
  /** Called functions that are not on the built-in list, as written (quotes removed), each once. */
  unknownFunctions: string[]
  /** The operation is `dml` for the sole reason that `unknownFunctions` are called; without them it would be `select`. */
  readIfFunctionsHarmless: boolean
  /** A `select` that calls nothing but harmless built-ins and sets nothing: its session may be reset and reused. */
  plainRead: boolean
}

/** The answer about a submitted text: its statements, or why it is none that could run. */
export type Analysis =
  | {
      ok: true
      dialect: Dialect
      /** Version of the rules and of the parser, such as `twinlock-sql/1 libpg-query/18.1.5`. */
      classifier: string
      /** The set of the statements' operations, each once, sorted by name. */
      operations: Operation[]
      /** At least one, in the order of the text. */
      statements: Statement[]
    }
  | {
      ok: false
      code: 'sql_empty' | 'sql_invalid_text' | 'sql_too_large' | 'parameters_not_supported'
      message: string
      /** Zero-based UTF-16 offset in the submitted text. */
      position?: number
    }

/** Splits and classifies SQL of one dialect. Owns worker threads; dispose of it when done. */
export interface Analyzer extends AsyncDisposable {
  /**
   * Never rejects because of the text: whatever cannot be parsed is one `unparsed` statement. Rejects only when the
   * analyzer was disposed of, or when its workers cannot be started at all.
   */
  analyze(sql: string): Promise<Analysis>
}

export interface AnalyzerOptions {
  dialect: Dialect
  /** Parser threads at most, started when needed. Default 1. */
  workers?: number
  /** Time for one parse, in milliseconds, after which the text counts as unparsed. Default 800. */
  timeoutMs?: number
}
