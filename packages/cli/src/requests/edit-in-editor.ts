import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import type { Io } from '../io.ts'
import { decodeSql } from './read-sql.ts'

/** SQL that somebody edits, in a file of their own that goes away unless it is kept. */
export interface EditedSql extends AsyncDisposable {
  readonly sql: string
  /** Leaves the file where it is: its path. */
  keep(): string
}

export async function editInEditor(ctx: Context, name: string, sql: string): Promise<EditedSql> {
  const editor = ctx.io.env.VISUAL?.trim() || ctx.io.env.EDITOR?.trim() || (ctx.io.posix ? 'vi' : 'notepad')
  // Others may not look into it: mkdtemp makes it 0700.
  const folder = await mkdtemp(join(tmpdir(), 'twinlock-edit-'))
  const file = join(folder, name)
  let kept = false
  const cleanup = async () => {
    if (!kept) await rm(folder, { recursive: true, force: true })
  }
  try {
    await writeFile(file, sql, { mode: 0o600 })
    await runEditor(ctx.io, editor, file)
    const edited = decodeSql(await readFile(file), 'What you edited')
    return {
      sql: withoutEditorsLineFeed(sql, edited),
      keep() {
        kept = true
        return file
      },
      [Symbol.asyncDispose]: cleanup,
    }
  } catch (error) {
    await cleanup()
    throw error
  }
}

/** Editors end the last line; the request had not. */
function withoutEditorsLineFeed(before: string, after: string): string {
  return before.endsWith('\n') ? after : after.replace(/\r?\n$/, '')
}

async function runEditor(io: Io, editor: string, file: string): Promise<void> {
  // The token is for the server, not for editors and their plugins.
  const { TWINLOCK_TOKEN: _, ...env } = io.env
  // Ctrl-C goes to the editor.
  using _caught = io.onInterrupt(() => {})
  const child = io.posix
    ? spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit', env })
    : spawn(`${editor} "${file}"`, { stdio: 'inherit', env, shell: true })
  const ended = await new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? signal ?? 1))
  })
  if (ended === 0) return
  throw new CliError(
    'editor_failed',
    `The editor (${editor}) ended with ${ended}: nothing was done.`,
    'Set VISUAL or EDITOR to the one you use, or give the SQL with -f FILE.',
  )
}
