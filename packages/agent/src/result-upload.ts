import { createHash } from 'node:crypto'
import { isAppError, type Outcome } from '@twinlock/contract'
import type { Logger } from 'pino'
import { sleep } from './backoff.ts'
import { callWithRetry, describeFailure, isFinal } from './retry.ts'
import type { SpillFile } from './spill-file.ts'

export interface UploadOptions {
  readonly send: (n: number, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal) => Promise<unknown>
  readonly spill: SpillFile
  /** How long the database may be held up in all for a server that is slow; 0 for work that holds locks. */
  readonly patienceMs: number
  /** A result of one chunk that is not longer than this waits to be taken with the outcome; 0 sends every chunk at once. */
  readonly inlineBytes: number
  /** How much may wait on the disk. */
  readonly maxSpillBytes: number
  readonly signal: AbortSignal
  /** Ends waiting for a server that is slow. */
  readonly stop: AbortSignal
  readonly log: Logger
  readonly giveUpMs?: number
}

/** What the statements made, whether or not it arrived: the server sees by the number what it lacks. */
export interface MadeResult {
  readonly chunks: number
  readonly sha256: string | null
}

/** One chunk on its way and one waiting; what is more goes to the disk. */
const IN_MEMORY = 2
const ATTEMPT_MS = 60_000
const GIVE_UP_MS = 10 * 60_000

type Discarded = NonNullable<Outcome['result_discarded']>

type Queued = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly offset: number; readonly length: number }

/** Brings the chunks of one result to the server, in order, without ever stopping the statement that makes them. */
export class ResultUpload implements AsyncDisposable {
  readonly #options: UploadOptions
  readonly #hash = createHash('sha256')
  readonly #queue: Queued[] = []
  #made = 0
  #arrived = 0
  #failed = false
  #discarded: Discarded | undefined
  #patienceMs: number
  #isSending = false
  #held: Uint8Array<ArrayBuffer> | undefined
  #sent: Promise<void> = Promise.resolve()
  readonly #abandoned = new AbortController()
  #slotFree = Promise.withResolvers<void>()

  constructor(options: UploadOptions) {
    this.#options = options
    this.#patienceMs = options.patienceMs
  }

  /** Nothing is on its way. */
  get isIdle(): boolean {
    return !this.#isSending
  }

  /** Why the server keeps nothing of this result. */
  get discarded(): Discarded | undefined {
    return this.#discarded
  }

  get made(): MadeResult {
    return { chunks: this.#made, sha256: this.#made === 0 ? null : this.#hash.copy().digest('hex') }
  }

  async push(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#made += 1
    this.#hash.update(bytes)
    if (this.#made === 1 && bytes.length <= this.#options.inlineBytes) {
      this.#held = bytes
      return
    }
    const held = this.#takeHeld()
    if (held) await this.#enqueue(held)
    await this.#enqueue(bytes)
  }

  /** The result as text, where all of it was held back; it then counts as arrived. */
  takeInline(): string | undefined {
    const held = this.#takeHeld()
    return held && Buffer.from(held).toString('utf8')
  }

  #takeHeld(): Uint8Array<ArrayBuffer> | undefined {
    const held = this.#held
    this.#held = undefined
    return held
  }

  async #enqueue(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!this.#hasSlot()) await this.#waitForSlot()
    // A result without its end is worth its beginning; a statement that writes is worth more than its result.
    if (this.#failed) return
    try {
      this.#queue.push(this.#hasSlot() ? { bytes } : await this.#toDisk(bytes))
    } catch (error) {
      this.#fail(error)
      return
    }
    if (!this.#isSending) this.#sent = this.#sendAll()
  }

  /** Waits until everything has arrived, or will not; whether it has. */
  async finish(): Promise<boolean> {
    while (this.#isSending) await this.#sent
    return !this.#failed
  }

  /** Sends nothing more, and waits for nothing that is on its way. */
  abandon(): void {
    this.#failed ||= this.#isSending
    this.#queue.length = 0
    this.#abandoned.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#failed = true
    while (this.#isSending) await this.#sent
    // What was committed must be told, whatever becomes of a file.
    await this.#options.spill[Symbol.asyncDispose]().catch(() => {})
  }

  #hasSlot(): boolean {
    return this.#queue.filter((chunk) => 'bytes' in chunk).length < IN_MEMORY
  }

  async #waitForSlot(): Promise<void> {
    if (this.#patienceMs <= 0) return
    const { signal, stop } = this.#options
    const waited = new AbortController()
    const startedAt = performance.now()
    await Promise.race([
      this.#slotFree.promise,
      sleep(this.#patienceMs, AbortSignal.any([signal, stop, waited.signal])),
    ])
    waited.abort()
    this.#patienceMs -= performance.now() - startedAt
  }

  async #toDisk(bytes: Uint8Array<ArrayBuffer>): Promise<Queued> {
    if (!this.#queue.some((chunk) => 'offset' in chunk)) this.#options.spill.rewind()
    const { spill, maxSpillBytes } = this.#options
    if (spill.size + bytes.length > maxSpillBytes) throw new Error('spill file full')
    return { offset: await spill.write(bytes), length: bytes.length }
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true
    for (let head = this.#queue[0]; head !== undefined && !this.#failed; head = this.#queue[0]) {
      try {
        await this.#send(head)
      } catch (error) {
        this.#fail(error)
      }
      this.#queue.shift()
      this.#slotFree.resolve()
      this.#slotFree = Promise.withResolvers()
    }
    // In the same step as the look at the queue: what is pushed from here on starts a sending of its own.
    this.#isSending = false
  }

  async #send(chunk: Queued): Promise<void> {
    const { send, spill, signal, log, giveUpMs = GIVE_UP_MS } = this.#options
    const bytes = 'bytes' in chunk ? chunk.bytes : await spill.read(chunk.offset, chunk.length)
    const sent = await callWithRetry((attempt) => send(this.#arrived, bytes, attempt), {
      signal: AbortSignal.any([signal, this.#abandoned.signal]),
      attemptMs: ATTEMPT_MS,
      withinMs: giveUpMs,
      isLastWord: (error) => isFinal(error) || whyDiscarded(error) !== undefined,
      onFailure: (error, attempt) => {
        if (attempt === 0) log.warn(describeFailure(error), 'a chunk of the result did not arrive; trying again')
      },
    })
    if (!sent.ok) throw sent.error
    this.#arrived += 1
  }

  #fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#queue.length = 0
    this.#discarded = whyDiscarded(error)
    if (this.#discarded) this.#options.log.warn(describeFailure(error), 'the server has no room for the result')
    else this.#options.log.error(describeFailure(error), 'the result could not be brought to the server whole')
    // Nobody reads it again.
    void this.#options.spill[Symbol.asyncDispose]().catch(() => {})
  }
}

/** The server has no room, and trying again would make none. */
function whyDiscarded(error: unknown): Discarded | undefined {
  if (isAppError(error, 'result_quota_exceeded')) return 'quota'
  return isAppError(error, 'storage_full') ? 'storage_full' : undefined
}
