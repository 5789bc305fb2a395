import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Effect, newId } from '@twinlock/contract'
import type { z } from 'zod'
import { writeDurably } from './durable-file.ts'
import { type JournalEntry, type JournalHeader, journalEntrySchema, journalHeaderSchema } from './journal-entry.ts'
import { createJournalMemory, type JournalMemory, type OpenExecution } from './journal-memory.ts'
import { StartError } from './start-error.ts'
import { prepareStateDir } from './state-dir.ts'
import { lockStateDir } from './state-lock.ts'

export interface JournalOptions {
  readonly stateDir: string
  readonly now: () => number
  readonly random: (size: number) => Uint8Array
  /** The file is rewritten without what nobody needs once it has grown to this many bytes and to four times its least. */
  readonly compactAboveBytes?: number
  /** Called once, when the journal can no longer be written. */
  readonly onFailure?: (error: unknown) => void
}

const COMPACT_ABOVE_BYTES = 16 * 1024 * 1024

interface Pending {
  readonly line: string
  readonly synced: boolean
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Opens the journal of a state directory, or begins one there with a new id. Throws StartError. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { stateDir } = options
  await prepareStateDir(stateDir)
  const lock = lockStateDir(stateDir)
  try {
    const path = join(stateDir, 'journal.ndjson')
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    const { header, memory } = text === undefined ? begin(options) : replay(text, path)
    memory.forget(options.now())
    // Rewriting at every start also drops a torn last line, to which the next entry would otherwise be glued.
    const size = await rewrite(path, header.journal_id, memory)
    const file = await open(path, 'a', 0o600)
    return new Journal({ ...options, path, lock, file, size, id: header.journal_id, memory })
  } catch (error) {
    lock[Symbol.dispose]()
    throw error
  }
}

interface OpenedJournal extends JournalOptions {
  readonly path: string
  readonly lock: Disposable
  readonly file: FileHandle
  readonly size: number
  readonly id: string
  readonly memory: JournalMemory
}

/** What the agent has done, on its disk: an entry counts once `append` has resolved. */
export class Journal implements AsyncDisposable {
  readonly id: string
  readonly #options: OpenedJournal
  readonly #memory: JournalMemory
  #file: FileHandle
  #size: number
  #leastSize: number
  #pending: Pending[] = []
  #isFlushing = false
  #flushed: Promise<void> = Promise.resolve()
  #failure: unknown

  constructor(opened: OpenedJournal) {
    this.id = opened.id
    this.#options = opened
    this.#memory = opened.memory
    this.#file = opened.file
    this.#size = opened.size
    this.#leastSize = opened.size
  }

  /** False once an entry could not be written: nothing may be started any more. */
  get isSound(): boolean {
    return this.#failure === undefined
  }

  get open(): ReadonlyMap<string, OpenExecution> {
    return this.#memory.open
  }

  hasSeen(executionId: string, tokenExpiresAt: number): boolean {
    return this.#memory.hasSeen(executionId, tokenExpiresAt)
  }

  lookUp(executionId: string): Effect | 'open' | undefined {
    return this.#memory.lookUp(executionId)
  }

  /**
   * Resolves when the entry is on the disk; entries of one moment share one sync. One that is not synced outlives this
   * process, but perhaps not a power cut: for what may then be told a second time. Rejects an entry that the next start
   * could not read.
   */
  append(given: JournalEntry, { synced = true }: { readonly synced?: boolean } = {}): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const parsed = journalEntrySchema.safeParse(given)
    if (!parsed.success) return Promise.reject(unreadable(parsed.error))
    const entry = parsed.data
    // At once: the same execution must not pass `hasSeen` while this entry waits for the disk.
    this.#memory.apply(entry)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#pending.push({ line: `${JSON.stringify(entry)}\n`, synced, resolve, reject })
    if (!this.#isFlushing) this.#flushed = this.#flush()
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#isFlushing) await this.#flushed
    this.#failure ??= new Error('the journal is closed')
    await this.#file.close()
    this.#options.lock[Symbol.dispose]()
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true
    while (this.#pending.length > 0) {
      const batch = this.#pending
      this.#pending = []
      try {
        const bytes = Buffer.from(batch.map(({ line }) => line).join(''))
        await this.#file.appendFile(bytes)
        if (batch.some(({ synced }) => synced)) await this.#file.datasync()
        this.#size += bytes.length
        for (const { resolve } of batch) resolve()
        await this.#compactWhenLarge()
      } catch (error) {
        // After a failed sync nobody knows what is on the disk; only a restart, which reads it, can tell.
        if (this.#failure === undefined) this.#options.onFailure?.(error)
        this.#failure ??= error
        for (const { reject } of [...batch, ...this.#pending]) reject(error)
        this.#pending = []
      }
    }
    // In the same step as the look at the queue: what is appended from here on starts a flush of its own.
    this.#isFlushing = false
  }

  async #compactWhenLarge(): Promise<void> {
    const { compactAboveBytes = COMPACT_ABOVE_BYTES, path, now } = this.#options
    if (this.#size < compactAboveBytes || this.#size < 4 * this.#leastSize) return
    this.#memory.forget(now())
    this.#size = this.#leastSize = await rewrite(path, this.id, this.#memory)
    await this.#file.close()
    this.#file = await open(path, 'a', 0o600)
  }
}

function begin({ now, random }: JournalOptions): { header: JournalHeader; memory: JournalMemory } {
  const header: JournalHeader = { type: 'journal', v: 1, journal_id: newId('jrn', now(), random), forgotten_until: 0 }
  return { header, memory: createJournalMemory(0) }
}

/** Reads a journal to its last whole line. Only the end may be torn: a write that was not synced reached the disk in part. */
function replay(text: string, path: string): { header: JournalHeader; memory: JournalMemory } {
  const lines = text.split('\n').slice(0, -1)
  const header = journalHeaderSchema.safeParse(parseJson(lines[0]))
  if (!header.success) throw damaged(path, 1)
  const memory = createJournalMemory(header.data.forgotten_until)
  let firstBad: number | undefined
  for (const [index, line] of lines.slice(1).entries()) {
    const entry = journalEntrySchema.safeParse(parseJson(line))
    if (!entry.success) firstBad ??= index + 2
    else if (firstBad !== undefined) throw damaged(path, firstBad)
    else memory.apply(entry.data)
  }
  return { header: header.data, memory }
}

async function rewrite(path: string, journalId: string, memory: JournalMemory): Promise<number> {
  const header: JournalHeader = {
    type: 'journal',
    v: 1,
    journal_id: journalId,
    forgotten_until: memory.forgottenUntil,
  }
  const text = [header, ...memory.entries()].map((line) => `${JSON.stringify(line)}\n`).join('')
  await writeDurably(path, text)
  return Buffer.byteLength(text)
}

function parseJson(line: string | undefined): unknown {
  try {
    return JSON.parse(line ?? '')
  } catch {
    return undefined
  }
}

/** Names the fields, never their values. */
function unreadable({ issues }: z.ZodError): Error {
  const fields = issues.map(({ path }) => path.join('.')).join(', ')
  return Object.assign(new Error(`an entry does not fit the journal: ${fields}`), { code: 'journal_entry_unreadable' })
}

function damaged(path: string, line: number): StartError {
  return new StartError(
    `the journal ${path} is damaged in line ${line}`,
    'Without it the agent cannot say what it has run, and could run something twice.',
    'Restore the file, or move it away: the agent then begins a new journal, and what ran meanwhile stays lost.',
  )
}
