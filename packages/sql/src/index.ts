export type {
  Analysis,
  Analyzer,
  AnalyzerOptions,
  Dialect,
  Forbidden,
  Operation,
  Reason,
  Statement,
} from './analysis.ts'
export { createAnalyzer } from './create-analyzer.ts'
