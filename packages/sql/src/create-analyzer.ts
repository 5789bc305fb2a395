import type { Analyzer, AnalyzerOptions } from './analysis.ts'

/** @throws Error when the dialect is not built yet. */
export function createAnalyzer(options: AnalyzerOptions): Analyzer {
  throw new Error(`SQL dialect ${options.dialect} is not supported yet`)
}
