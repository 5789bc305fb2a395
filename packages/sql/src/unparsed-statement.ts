import type { Reason, Statement } from './analysis.ts'

/** The whole text as one statement about which nothing is known. */
export function unparsedStatement(sql: string, reason: Reason): Statement {
  return {
    sql,
    kind: 'unparsed',
    operation: 'unparsed',
    transactional: true,
    forbidden: null,
    reasons: [reason],
    unknownFunctions: [],
    readIfFunctionsHarmless: false,
    plainRead: false,
  }
}
