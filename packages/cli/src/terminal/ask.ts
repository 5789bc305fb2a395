import { createInterface } from 'node:readline/promises'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'
import type { SafeText } from './safe-text.ts'

/** Asks one question on stderr and returns the answer, trimmed; Ctrl-C and Ctrl-D are no answer. */
export async function ask(io: Io, question: SafeText): Promise<string> {
  const reader = createInterface({ input: io.stdin, output: io.promptOutput, terminal: io.stdin.isTTY === true })
  const closed = new AbortController()
  reader.once('close', () => closed.abort())
  reader.once('SIGINT', () => reader.close())
  try {
    return (await reader.question(question.safe, { signal: AbortSignal.any([closed.signal, io.interrupt]) })).trim()
  } catch (error) {
    throw new CliError('interrupted', 'Nothing was done.', undefined, error)
  } finally {
    reader.close()
  }
}

/** Only a clear yes is one. */
export async function confirm(io: Io, question: SafeText): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(io, question))
}
