import { type TreeNode, text } from './parse-tree.ts'

const NAMES: Readonly<Record<string, string>> = {
  CreateStmt: 'CREATE TABLE',
  IndexStmt: 'CREATE INDEX',
  ViewStmt: 'CREATE VIEW',
  RuleStmt: 'CREATE RULE',
  CreateSeqStmt: 'CREATE SEQUENCE',
  CreateTrigStmt: 'CREATE TRIGGER',
  CreatedbStmt: 'CREATE DATABASE',
  DropdbStmt: 'DROP DATABASE',
  RenameStmt: 'ALTER ... RENAME',
  CreatePLangStmt: 'CREATE LANGUAGE',
  DefineStmt: 'CREATE',
  CompositeTypeStmt: 'CREATE TYPE',
}

/** The statement as SQL names it, `DROP TABLE` or `GRANT`: made from the parser's own name, which people do not know. */
export function commandName(type: string, node: TreeNode): string {
  const known = NAMES[type]
  if (known !== undefined) return known
  const words = type
    .replace(/Stmt$/, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toUpperCase()
  const object =
    type === 'DropStmt' ? text(node.removeType) : type === 'AlterTableStmt' ? text(node.objtype) : undefined
  return object === undefined ? words : `${words.split(' ')[0]} ${object.replace(/^OBJECT_/, '').replaceAll('_', ' ')}`
}
