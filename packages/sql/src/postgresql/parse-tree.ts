/** One struct of libpg-query's JSON tree. A wrapped node is `{ SelectStmt: { … } }`; a field is snake or camel case. */
export type TreeNode = { readonly [field: string]: unknown }

export interface RawStatement {
  type: string
  node: TreeNode
  /** UTF-8 byte offset of the first token; 0 is left out by the parser. */
  location: number
  /** UTF-8 bytes up to the `;`; 0 means up to the end of the text. */
  length: number
}

export function isTreeNode(value: unknown): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Node types begin with an upper-case letter, fields never do. */
export function isNodeType(key: string): boolean {
  const first = key.charCodeAt(0)
  return first >= 65 && first <= 90
}

/** Splits `{ SelectStmt: { … } }` into its type and its struct. */
export function unwrap(value: unknown): { type: string; node: TreeNode } | undefined {
  if (!isTreeNode(value)) return undefined
  const [type, ...others] = Object.keys(value)
  if (type === undefined || others.length > 0 || !isNodeType(type)) return undefined
  const node = value[type]
  return isTreeNode(node) ? { type, node } : undefined
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The parts of a qualified name: `[{ String: { sval: 'a' } }, …]`. */
export function nameParts(value: unknown): string[] {
  return list(value).map((part) => text(unwrap(part)?.node.sval) ?? '')
}

/** The statements of a parse result, or undefined when it does not look like one. */
export function rawStatements(result: unknown): RawStatement[] | undefined {
  if (!isTreeNode(result)) return undefined
  const statements: RawStatement[] = []
  for (const entry of list(result.stmts)) {
    const root = isTreeNode(entry) ? unwrap(entry.stmt) : undefined
    if (!isTreeNode(entry) || root === undefined) return undefined
    const { stmt_location: location = 0, stmt_len: length = 0 } = entry
    if (typeof location !== 'number' || typeof length !== 'number') return undefined
    statements.push({ ...root, location, length })
  }
  return statements
}
