import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** One line that the server logged for a session; with `log_statement=all` every statement that it was sent. */
export interface LogEntry {
  database: string
  /** As the server words it: `statement: select 1`, `execute <unnamed>: select 1`, or an error's message. */
  message: string
  applicationName: string
  severity: string
  /** The statement that an error belongs to. */
  statement: string | undefined
}

interface LogLine {
  dbname?: string
  message?: string
  application_name?: string
  error_severity?: string
  statement?: string
}

const READER = 'twinlock-statement-log'

/**
 * Everything that sessions were logged for until now. The server's log arrives late, so a statement of our own
 * is sent and waited for: lines reach the log in the order in which they were written.
 */
export async function readStatementLog(url: string, logFile: string, database?: string): Promise<LogEntry[]> {
  const marker = randomUUID()
  await mark(url, marker)
  const deadline = Date.now() + 10_000
  for (;;) {
    const log = await readFile(logFile, 'utf8')
    const end = log.indexOf(marker)
    if (end >= 0) return parse(log.slice(0, log.lastIndexOf('\n', end) + 1), database)
    if (Date.now() > deadline) throw new Error(`The server's log ${logFile} does not show what it was just sent.`)
    await sleep(10)
  }
}

async function mark(url: string, marker: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: READER })
  await client.connect()
  try {
    await client.query(`select '${marker}'`)
  } finally {
    await client.end()
  }
}

function parse(log: string, database: string | undefined): LogEntry[] {
  const entries: LogEntry[] = []
  for (const line of log.split('\n')) {
    if (line === '' || (database !== undefined && !line.includes(JSON.stringify(database)))) continue
    const entry: LogLine = JSON.parse(line)
    if (entry.dbname === undefined || entry.application_name === READER) continue
    if (database !== undefined && entry.dbname !== database) continue
    entries.push({
      database: entry.dbname,
      message: entry.message ?? '',
      applicationName: entry.application_name ?? '',
      severity: entry.error_severity ?? '',
      statement: entry.statement,
    })
  }
  return entries
}
