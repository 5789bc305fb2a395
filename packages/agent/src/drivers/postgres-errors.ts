import pg from 'pg'
import { DriverError, type DriverErrorDetails } from './driver.ts'

const MAX_TEXT = 8192

/** An error response as the server sent it. One without an SQLSTATE is the parser's word for an unknown message. */
export function isServerError(error: unknown): error is pg.DatabaseError & { code: string } {
  return error instanceof pg.DatabaseError && error.code !== undefined
}

export function toDatabaseError(error: pg.DatabaseError): DriverError {
  return new DriverError('database_error', clip(error.message), detailsOf(error))
}

/** For a connection that is gone; keeps what the server said on its way out. */
export function toConnectionLost(error: unknown): DriverError {
  if (error instanceof DriverError) return error
  if (isServerError(error)) return new DriverError('connection_lost', clip(error.message), detailsOf(error))
  return new DriverError('connection_lost', `The connection to the database was lost: ${describe(error)}`, {
    cause: error,
  })
}

export function toConnectionFailed(error: unknown): DriverError {
  if (error instanceof DriverError && error.code === 'connection_failed') return error
  const details = isServerError(error) ? detailsOf(error) : { cause: error }
  return new DriverError('connection_failed', `The database cannot be reached: ${describe(error)}`, details)
}

function detailsOf(error: pg.DatabaseError): DriverErrorDetails {
  return {
    sqlstate: error.code,
    detail: error.detail === undefined ? undefined : clip(error.detail),
    hint: error.hint === undefined ? undefined : clip(error.hint),
    position: error.position === undefined ? undefined : Number(error.position),
  }
}

/** A host with several addresses fails with one error for each and no message of its own. */
function describe(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(describe).join('; ')
  return clip(error instanceof Error ? error.message : String(error))
}

function clip(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
}
