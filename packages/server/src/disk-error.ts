/** SQLITE_FULL; SQLITE_IOERR_WRITE: a write that the system did not take, for a limit on files or a quota. */
const SQLITE_NO_ROOM: readonly unknown[] = [13, 778]
const NO_ROOM: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG']
/** The kinds of SQLite's errors that are about its file: READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB. */
const SQLITE_FILE: readonly number[] = [8, 10, 11, 13, 14, 26]

/** Whether something was not written because there is no room for it. */
export function isStorageFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (
    ('code' in error && NO_ROOM.includes(error.code)) || ('errcode' in error && SQLITE_NO_ROOM.includes(error.errcode))
  )
}

/** Whether the state's own file could not be read or written, for whatever reason. */
export function isStoreFailure(error: unknown): boolean {
  // The lowest byte of an extended code is its kind.
  return error instanceof Error && 'errcode' in error && SQLITE_FILE.includes(Number(error.errcode) & 0xff)
}
