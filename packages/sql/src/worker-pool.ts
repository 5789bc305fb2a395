import { Worker } from 'node:worker_threads'
import type { Analysis } from './analysis.ts'

/** What a worker posts: first `ready`, then one answer for each text. `broken` asks to be replaced. */
export type WorkerAnswer = { analysis: Analysis } | { broken: true }
export type PoolAnswer = WorkerAnswer | { timedOut: true }

interface Job {
  text: string
  resolve: (answer: PoolAnswer) => void
  reject: (error: Error) => void
}

const START_TIMEOUT_MS = 10_000
/** A tree of a 128 KB text needs far less; a worker that wants more dies alone. */
const MAX_HEAP_MB = 512
/** A parse of 100,000 nested terms needs it; WebAssembly runs on the thread's stack. */
const STACK_MB = 64

/**
 * Worker threads that each answer one text at a time. They start when first needed, are replaced when they break or
 * take too long, and keep the process alive only while they work.
 */
export class WorkerPool implements AsyncDisposable {
  readonly #url: URL
  readonly #size: number
  readonly #timeoutMs: number
  readonly #workers = new Set<Worker>()
  readonly #idle: Worker[] = []
  readonly #queue: Job[] = []
  #busy = 0
  #closed = false

  constructor(options: { url: URL; size: number; timeoutMs: number }) {
    this.#url = options.url
    this.#size = options.size
    this.#timeoutMs = options.timeoutMs
  }

  /** Rejects when the pool is closed or a worker cannot be started; never because of the text. */
  run(text: string): Promise<PoolAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error('The SQL analyzer is closed'))
      this.#queue.push({ text, resolve, reject })
      this.#dispatch()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const job of this.#queue.splice(0)) job.reject(new Error('The SQL analyzer is closed'))
    await Promise.all([...this.#workers].map((worker) => worker.terminate()))
  }

  #dispatch(): void {
    while (this.#busy < this.#size) {
      const job = this.#queue.shift()
      if (job === undefined) return
      this.#busy += 1
      this.#answer(job.text)
        .then(job.resolve, job.reject)
        .finally(() => {
          this.#busy -= 1
          this.#dispatch()
        })
    }
  }

  async #answer(text: string): Promise<PoolAnswer> {
    const used = this.#idle.pop()
    const answer = await this.#ask(used ?? (await this.#start()), text)
    // An earlier text may have harmed the instance unseen: this one is owed a fresh worker.
    const mayBeInnocent = 'broken' in answer && used !== undefined && !this.#closed
    return mayBeInnocent ? this.#ask(await this.#start(), text) : answer
  }

  async #ask(worker: Worker, text: string): Promise<PoolAnswer> {
    worker.ref()
    const answered = nextMessage(worker, this.#timeoutMs)
    worker.postMessage(text)
    const answer = await answered
    if (answer !== undefined && typeof answer.message === 'object' && 'analysis' in answer.message) {
      worker.unref()
      this.#idle.push(worker)
      return answer.message
    }
    await worker.terminate()
    if (this.#closed) throw new Error('The SQL analyzer is closed')
    return answer === undefined ? { timedOut: true } : { broken: true }
  }

  async #start(): Promise<Worker> {
    // The parser needs no environment, so it is given no secrets. Its output, if any, stays unread: reading it would
    // keep the process alive.
    const worker = new Worker(this.#url, {
      env: {},
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { stackSizeMb: STACK_MB, maxOldGenerationSizeMb: MAX_HEAP_MB },
    })
    this.#workers.add(worker)
    worker.on('error', () => {})
    worker.once('exit', () => {
      this.#workers.delete(worker)
      const index = this.#idle.indexOf(worker)
      if (index >= 0) this.#idle.splice(index, 1)
    })
    const first = await nextMessage(worker, START_TIMEOUT_MS)
    if (first !== undefined && first.message === 'ready') return worker
    await worker.terminate()
    throw new Error('The SQL parser cannot be started', { cause: first?.error })
  }
}

type Posted = { message?: WorkerAnswer | 'ready'; error?: Error }

/** The worker's next message, why it ended instead, or undefined after the timeout. */
function nextMessage(worker: Worker, timeoutMs: number): Promise<Posted | undefined> {
  return new Promise((resolve) => {
    const settle = (posted: Posted | undefined) => {
      clearTimeout(timer)
      worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      resolve(posted)
    }
    const onMessage = (message: WorkerAnswer | 'ready') => settle({ message })
    const onError = (error: Error) => settle({ error })
    const onExit = () => settle({})
    const timer = setTimeout(() => settle(undefined), timeoutMs)
    worker.on('message', onMessage).on('error', onError).on('exit', onExit)
  })
}
