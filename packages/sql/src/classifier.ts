import type { Dialect } from './analysis.ts'

/** Raised whenever a rule, a list or a parser changes what some text is classified as. */
const RULES_VERSION = 1

/** The parser each dialect is read with; a test holds it to the package that is installed. */
const PARSERS: { readonly [dialect in Dialect]?: string } = { postgresql: 'libpg-query/18.1.5' }

/** The version that goes into work orders, or undefined when the dialect is not built. */
export function classifierVersion(dialect: Dialect): string | undefined {
  const parser = PARSERS[dialect]
  return parser === undefined ? undefined : `twinlock-sql/${RULES_VERSION} ${parser}`
}
