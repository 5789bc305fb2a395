import type { Analysis, Reason, Statement } from '../analysis.ts'
import { classifierVersion } from '../classifier.ts'
import { unparsedStatement } from '../unparsed-statement.ts'
import { classifyStatement, type TextState } from './classify-statement.ts'
import { type RawStatement, rawStatements } from './parse-tree.ts'
import { type Slice, splitText } from './split-text.ts'
import { type TextOffsets, textOffsets } from './text-offsets.ts'
import { isTransactional } from './transactional.ts'

/** What the parser answered: a tree, or where and why it gave up. */
export type ParseOutcome = { tree: unknown } | { syntaxError: string; character: number }

/** @returns undefined when the parser's answer does not fit the text, so that its instance cannot be trusted */
export function analyzeText(sql: string, parsed: ParseOutcome): Analysis | undefined {
  const offsets = textOffsets(sql)
  if ('syntaxError' in parsed) {
    const position = offsets.fromCharacters(parsed.character)
    return analysis([unparsedStatement(sql, syntaxReason(parsed.syntaxError, position))])
  }
  const raw = rawStatements(parsed.tree)
  if (raw === undefined) return undefined
  if (raw.length === 0) return { ok: false, code: 'sql_empty', message: 'The SQL has no statement' }
  const slices = splitText(sql, raw, offsets)
  if (slices === undefined) return undefined
  return classifyText(raw, slices, offsets)
}

function classifyText(raw: RawStatement[], slices: Slice[], offsets: TextOffsets): Analysis {
  const state: TextState = { searchPathChanged: false, prepared: new Map() }
  const statements: Statement[] = []
  for (const [index, root] of raw.entries()) {
    const { sql, start } = slices[index] ?? { sql: '', start: 0 }
    const toPosition = (location: unknown) =>
      typeof location === 'number' && location >= 0 ? offsets.fromBytes(location) : start
    const findings = classifyStatement(root, state, toPosition)
    if (findings.parameter !== undefined) return parameterRefusal(offsets.fromBytes(findings.parameter))
    state.searchPathChanged ||= findings.changesSearchPath
    const { operation, operationWithoutUnknown, forbidden, reasons } = findings
    statements.push({
      sql,
      kind: root.type,
      operation,
      transactional: isTransactional(root.type, root.node),
      forbidden,
      reasons,
      unknownFunctions: [...findings.unknownFunctions],
      readIfFunctionsHarmless: operation === 'dml' && operationWithoutUnknown === 'select',
      plainRead: operation === 'select' && reasons.length === 0,
    })
  }
  return analysis(statements)
}

function analysis(statements: Statement[]): Analysis {
  const operations = [...new Set(statements.map(({ operation }) => operation))].sort()
  return {
    ok: true,
    dialect: 'postgresql',
    classifier: classifierVersion('postgresql') ?? '',
    operations,
    statements,
  }
}

function parameterRefusal(position: number): Analysis {
  return {
    ok: false,
    code: 'parameters_not_supported',
    message: 'Parameters such as $1 are not supported: write the values in the SQL',
    position,
  }
}

const SYNTAX_ERROR =
  /^(syntax error|unterminated [a-z/* -]+|trailing junk after [a-z ]+|zero-length delimited identifier|invalid [A-Za-z -]+)$/

/** The parser's message quotes the text at the error, which may be a literal: only what stands before it is kept. */
function syntaxReason(message: string, position: number): Reason {
  const [what = ''] = message.split(/ at (?:or near|end of input)/)
  if (SYNTAX_ERROR.test(what)) return { code: 'syntax_error', message: `The SQL cannot be parsed: ${what}`, position }
  return { code: 'parser_refused', message: 'The parser refuses the SQL', position }
}
