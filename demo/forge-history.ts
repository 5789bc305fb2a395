import { DatabaseSync } from 'node:sqlite'

/**
 * Somebody with the server's disk in their hands rewrites who approved: the database's own rule against it is dropped,
 * the row is changed, the rule is put back. Returns the number of the row and how to undo it.
 */
export function forgeHistory(stateFile: string, from: string, to: string): { seq: number; undo: () => void } {
  const database = new DatabaseSync(stateFile, { timeout: 5000 })
  const row = database
    .prepare(`select seq, body from audit_records where body like '%"review.approved"%' order by seq limit 1`)
    .get() as { seq: number; body: string }
  const rule = database
    .prepare(
      `select name, sql from sqlite_master where type = 'trigger' and tbl_name = 'audit_records' and sql like '%before update%'`,
    )
    .get() as { name: string; sql: string }
  const write = (body: string) => {
    database.exec(`drop trigger ${rule.name}`)
    database.prepare('update audit_records set body = ? where seq = ?').run(body, row.seq)
    database.exec(rule.sql)
  }
  write(row.body.replace(`"id":"${from}"`, `"id":"${to}"`))
  return {
    seq: row.seq,
    undo() {
      write(row.body)
      database.close()
    },
  }
}
