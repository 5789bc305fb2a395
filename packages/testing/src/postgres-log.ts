import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
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
    const entries = await readUntil(logFile, marker, database)
    if (entries) return entries
    if (Date.now() > deadline) throw new Error(`The server's log ${logFile} does not show what it was just sent.`)
    await sleep(10)
  }
}

/** Other tests make the server log more than fits into a string, some of it in one line. */
const MAX_LINE = 4 * 1024 * 1024

async function readUntil(
  logFile: string,
  marker: string,
  database: string | undefined,
): Promise<LogEntry[] | undefined> {
  const entries: LogEntry[] = []
  let parts: Buffer[] = []
  let length = 0
  for await (const chunk of createReadStream(logFile, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    for (let from = 0; from < chunk.length; ) {
      const end = chunk.indexOf(0x0a, from)
      const part = chunk.subarray(from, end < 0 ? chunk.length : end)
      length += part.length
      if (length <= MAX_LINE) parts.push(part)
      if (end < 0) break
      from = end + 1
      const line = length <= MAX_LINE ? Buffer.concat(parts).toString('utf8') : ''
      parts = []
      length = 0
      if (line.includes(marker)) return entries
      entries.push(...parse(line, database))
    }
  }
  return undefined
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
