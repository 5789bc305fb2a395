import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Io, Sink } from '../io.ts'
import { OUTPUT_FORMATS, type OutputFormat } from './result-writer.ts'

/** Where a result is to be written, checked before anything is asked for. */
export interface OutputTarget {
  /** As it was given. */
  readonly name: string
  readonly path: string
  readonly force: boolean
}

interface OutputInput {
  readonly output: string | undefined
  readonly force: boolean
}

/** A file that is there under its name only once it is whole. */
export interface OutputFile extends AsyncDisposable {
  readonly sink: Sink
  /** Puts it in its place; its size in bytes. */
  commit(): Promise<number>
}

export async function readOutputOption(io: Io, input: OutputInput): Promise<OutputTarget | undefined> {
  const { output: name, force } = input
  if (name === undefined) {
    if (force) throw new CliError('usage', '--force is about a file, and there is none.', 'Name it: --output FILE')
    return undefined
  }
  if (OUTPUT_FORMATS.some((format) => format === name))
    throw new CliError(
      'usage',
      `--output takes a file, and ${name} is a format.`,
      `Write -o ${name}, or --output ./${name}.`,
    )
  const path = resolve(io.cwd, name)
  await assertPlace({ name, path, force })
  return { name, path, force }
}

/** What the ending of a file says about its format. */
export function formatOfFile(name: string): OutputFormat {
  const ending = extname(name).slice(1).toLowerCase()
  if (ending === 'ndjson') return 'jsonl'
  return OUTPUT_FORMATS.find((format) => format === ending) ?? 'table'
}

async function assertPlace({ name, path, force }: OutputTarget): Promise<void> {
  const there = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw unwritable(name, error)
  })
  if (there && !force)
    throw new CliError(
      'file_exists',
      `${name} is already there, and was left as it is.`,
      'Give another name, or --force to replace it.',
    )
  if (there && !there.isFile())
    throw new CliError('file_unwritable', `${name} is not an ordinary file: it is not replaced.`, 'Give another name.')
  await access(dirname(path), constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw unwritable(name, error)
  })
}

/** It grows beside its place under a name of its own, readable by its owner alone. */
export async function createOutputFile(target: OutputTarget): Promise<OutputFile> {
  const { name, path } = target
  const part = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`)
  const file = await open(part, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw unwritable(name, error)
  })
  let state: 'open' | 'closed' = 'open'
  const close = async () => {
    if (state === 'open') await file.close()
    state = 'closed'
  }
  let bytes = 0
  return {
    sink: {
      isTTY: false,
      columns: undefined,
      rows: undefined,
      onResize: () => ({ [Symbol.dispose]: () => {} }),
      async write(text) {
        bytes += await append(file, text, name)
      },
    },
    async commit() {
      try {
        await file.sync()
        await close()
        await place(part, target)
      } catch (error) {
        throw error instanceof CliError ? error : unwritable(name, error as NodeJS.ErrnoException)
      }
      return bytes
    },
    async [Symbol.asyncDispose]() {
      await close()
      await unlink(part).catch(() => {})
    },
  }
}

async function append(file: FileHandle, text: string, name: string): Promise<number> {
  const data = Buffer.from(text)
  try {
    await file.appendFile(data)
  } catch (error) {
    throw unwritable(name, error as NodeJS.ErrnoException)
  }
  return data.length
}

/** A link is made only where nothing is: what came there meanwhile stays. */
async function place(part: string, { name, path, force }: OutputTarget): Promise<void> {
  if (force) {
    await assertPlace({ name, path, force })
    return rename(part, path)
  }
  try {
    await link(part, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new CliError(
        'file_exists',
        `${name} came into being meanwhile, and was left as it is.`,
        'Read the result again under another name: twinlock result NUMBER --output FILE',
      )
    // A file system without links.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error
    await assertPlace({ name, path, force })
    return rename(part, path)
  }
  await unlink(part)
}

function unwritable(name: string, error: NodeJS.ErrnoException): CliError {
  const reason = error.code === 'ENOENT' ? 'its folder is not there' : (error.code ?? 'unknown reason')
  return new CliError('file_unwritable', `${name} cannot be written: ${reason}.`, undefined, error)
}
