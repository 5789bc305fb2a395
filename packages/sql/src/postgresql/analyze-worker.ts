import { setFlagsFromString } from 'node:v8'
import { parentPort } from 'node:worker_threads'
import { loadModule, parseSync, SqlError } from 'libpg-query'
import type { WorkerAnswer } from '../worker-pool.ts'
import { analyzeText, type ParseOutcome } from './analyze-text.ts'

// Optimising the parser's one huge function takes V8 550 MB for a second, and saves a parse a tenth of a millisecond.
for (const flag of ['--no-wasm-dynamic-tiering', '--no-wasm-tier-up']) setFlagsFromString(flag)
await loadModule()

/** @throws whatever is not an answer about the text: the caller gives the parser instance up */
function parse(sql: string): ParseOutcome {
  // The parser throws on an empty string, but not on a comment.
  if (sql === '') return { tree: { stmts: [] } }
  try {
    return { tree: parseSync(sql) }
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    // A broken instance also answers with errors about the text, so it has to read a plain one now.
    parseSync('SELECT 1')
    return { syntaxError: error.message, character: error.sqlDetails?.cursorPosition ?? 0 }
  }
}

function answer(sql: string): WorkerAnswer {
  try {
    const analysis = analyzeText(sql, parse(sql))
    return analysis === undefined ? { broken: true } : { analysis }
  } catch {
    return { broken: true }
  }
}

parentPort?.on('message', (sql: string) => parentPort?.postMessage(answer(sql)))
parentPort?.postMessage('ready')
