import type { Analysis, Analyzer, AnalyzerOptions, Dialect } from './analysis.ts'
import { checkText, MAX_PARSED_BYTES } from './check-text.ts'
import { classifierVersion } from './classifier.ts'
import { unparsedStatement } from './unparsed-statement.ts'
import { type PoolAnswer, WorkerPool } from './worker-pool.ts'

/** A compiled module starts the compiled worker: tsc rewrites import specifiers, but not the URLs of workers. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

const WORKERS: { readonly [dialect in Dialect]?: string } = { postgresql: './postgresql/analyze-worker' }

/**
 * An analyzer for one dialect. Its worker threads start with the first text and do not keep the process alive.
 * @throws Error when the dialect is not built yet
 */
export function createAnalyzer({ dialect, workers = 1, timeoutMs = 800 }: AnalyzerOptions): Analyzer {
  const worker = WORKERS[dialect]
  const classifier = classifierVersion(dialect)
  if (worker === undefined || classifier === undefined) {
    throw new Error(`SQL of the dialect "${dialect}" cannot be analyzed by this version of Twinlock`)
  }
  const pool = new WorkerPool({ url: new URL(`${worker}.${extension}`, import.meta.url), size: workers, timeoutMs })

  const unparsed = (sql: string, code: string, message: string): Analysis => {
    const statements = [unparsedStatement(sql, { code, message })]
    return { ok: true, dialect, classifier, operations: ['unparsed'], statements }
  }

  const toAnalysis = (sql: string, answer: PoolAnswer): Analysis => {
    if ('analysis' in answer) return answer.analysis
    if ('timedOut' in answer)
      return unparsed(sql, 'parser_timeout', `The SQL took longer than ${timeoutMs} ms to parse`)
    return unparsed(sql, 'parser_failed', 'The parser failed on the SQL')
  }

  return {
    async analyze(sql) {
      const refusal = checkText(sql)
      if (refusal !== undefined) return refusal
      if (Buffer.byteLength(sql) > MAX_PARSED_BYTES) {
        return unparsed(
          sql,
          'too_large_to_parse',
          `The SQL is larger than the ${MAX_PARSED_BYTES} bytes that are parsed`,
        )
      }
      return toAnalysis(sql, await pool.run(sql))
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}
