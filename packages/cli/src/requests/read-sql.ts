import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'

/** The SQL from the argument, a file or stdin, byte for byte: it must be UTF-8, and nothing is trimmed. */
export async function readSql(
  io: Io,
  given: { readonly sql?: string | undefined; readonly file?: string | undefined },
) {
  if (given.sql !== undefined && given.file !== undefined)
    throw new CliError('usage', 'The SQL is given twice, as an argument and as a file.', 'Leave one of them out.')
  if (given.sql !== undefined) {
    if (given.sql === '-') throw new CliError('usage', '"-" is not SQL.', 'To read it from stdin, write: -f -')
    return given.sql
  }
  if (given.file === undefined)
    throw new CliError(
      'usage',
      'There is no SQL to run.',
      'Give it as one quoted argument, or with -f FILE (- is stdin).',
    )
  const name = given.file === '-' ? 'stdin' : given.file
  return decodeSql(given.file === '-' ? await buffer(io.stdin) : await readBytes(io, given.file), name)
}

async function readBytes(io: Io, file: string): Promise<Uint8Array> {
  try {
    return await readFile(resolve(io.cwd, file))
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code
    throw new CliError(
      'file_unreadable',
      `${file} cannot be read${reason === 'ENOENT' ? ': there is no such file' : ` (${reason ?? 'unknown reason'})`}.`,
      undefined,
      error,
    )
  }
}

export function decodeSql(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new CliError(
      'file_unreadable',
      `${name} is not UTF-8 text.`,
      'Convert it first, for example with iconv.',
      error,
    )
  }
}
