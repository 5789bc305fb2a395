import { list, type TreeNode, text, unwrap } from './parse-tree.ts'

const NEVER_IN_TRANSACTION: ReadonlySet<string> = new Set(
  `CreatedbStmt DropdbStmt CreateTableSpaceStmt DropTableSpaceStmt AlterSystemStmt CreateSubscriptionStmt
  DropSubscriptionStmt`.split(/\s+/),
)

/**
 * Whether the statement may run inside BEGIN, after the calls of `PreventInTransactionBlock` in PostgreSQL 18. What
 * depends on the catalog or on run time is taken as transactional: CLUSTER and REINDEX of a partitioned table, a CALL
 * of a procedure that commits.
 */
export function isTransactional(type: string, node: TreeNode): boolean {
  if (NEVER_IN_TRANSACTION.has(type)) return false
  switch (type) {
    case 'IndexStmt':
    case 'DropStmt':
      return node.concurrent !== true
    case 'ReindexStmt':
      return !isOn(node.params, 'concurrently') && /_(INDEX|TABLE)$/.test(text(node.kind) ?? '')
    case 'VacuumStmt':
      return node.is_vacuumcmd !== true
    case 'ClusterStmt':
      return node.relation !== undefined
    case 'AlterDatabaseStmt':
      return !list(node.options).some((option) => unwrap(option)?.node.defname === 'tablespace')
    case 'AlterSubscriptionStmt':
      return !/REFRESH|PUBLICATION|OPTIONS/.test(text(node.kind) ?? '')
    case 'AlterTableStmt':
      return !list(node.cmds).some((command) => unwrap(unwrap(command)?.node.def)?.node.concurrent === true)
    default:
      return true
  }
}

/** An option counts as set unless its value is one that the server reads as false. */
export function isOn(options: unknown, name: string): boolean {
  return list(options).some((option) => {
    const definition = unwrap(option)?.node
    if ((text(definition?.defname) ?? '').toLowerCase() !== name) return false
    const value = unwrap(definition?.arg)
    if (value?.type === 'Integer') return (value.node.ival ?? 0) !== 0
    if (value?.type === 'Boolean') return value.node.boolval === true
    return !(value?.type === 'String' && /^(false|off)$/i.test(text(value.node.sval) ?? ''))
  })
}
