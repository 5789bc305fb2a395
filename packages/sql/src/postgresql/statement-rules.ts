import type { Operation } from '../analysis.ts'
import { commandName } from './command-name.ts'
import { isTreeNode, list, type TreeNode, text, unwrap } from './parse-tree.ts'
import { classifySetting, settingName } from './settings.ts'

/** What a statement is by its root alone, before its parts are looked at. */
export type StatementVerdict = { forbidden: string } | { operation: Operation; code: string; message: string } | null

const CHANGES_ROWS = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'])

const DML: ReadonlyMap<string, [code: string, message: string]> = new Map([
  ['InsertStmt', ['data_change', 'INSERT changes rows']],
  ['UpdateStmt', ['data_change', 'UPDATE changes rows']],
  ['DeleteStmt', ['data_change', 'DELETE changes rows']],
  ['MergeStmt', ['data_change', 'MERGE changes rows']],
  ['LockStmt', ['table_lock', 'LOCK holds a table against others']],
  ['ListenStmt', ['notification', 'LISTEN stays in the session']],
  ['UnlistenStmt', ['notification', 'UNLISTEN changes the session']],
  ['NotifyStmt', ['notification', 'NOTIFY reaches other sessions']],
  ['PrepareStmt', ['prepared_statement', 'PREPARE stays in the session']],
  ['ExecuteStmt', ['prepared_statement', 'EXECUTE runs a prepared statement']],
  ['DeallocateStmt', ['prepared_statement', 'DEALLOCATE changes the session']],
  ['DeclareCursorStmt', ['cursor', 'DECLARE stays in the session']],
  ['FetchStmt', ['cursor', 'FETCH and MOVE use a cursor of the session']],
  ['ClosePortalStmt', ['cursor', 'CLOSE changes the session']],
  ['ConstraintsSetStmt', ['constraint_mode', 'SET CONSTRAINTS changes when constraints are checked']],
])

/**
 * TRUNCATE is here rather than with DELETE: it takes an ACCESS EXCLUSIVE lock, fires no row triggers and needs a right
 * of its own, and a policy that lets DML pass more easily than DDL surely does not mean it.
 */
const DDL: ReadonlySet<string> = new Set(
  `CreateStmt CreateTableAsStmt IndexStmt ViewStmt CreateSeqStmt AlterSeqStmt CreateDomainStmt AlterDomainStmt
  CompositeTypeStmt CreateEnumStmt AlterEnumStmt CreateStatsStmt AlterStatsStmt RefreshMatViewStmt TruncateStmt
  VacuumStmt ClusterStmt ReindexStmt AlterCollationStmt ReplicaIdentityStmt`.split(/\s+/),
)

/** Kinds of objects whose DROP, RENAME, COMMENT and SET SCHEMA are schema changes; every other kind is privileged. */
const DDL_OBJECTS: ReadonlySet<string> = new Set(
  `OBJECT_TABLE OBJECT_INDEX OBJECT_VIEW OBJECT_MATVIEW OBJECT_SEQUENCE OBJECT_TYPE OBJECT_DOMAIN OBJECT_SCHEMA
  OBJECT_STATISTIC_EXT OBJECT_COLLATION OBJECT_COLUMN OBJECT_ATTRIBUTE OBJECT_TABCONSTRAINT OBJECT_DOMCONSTRAINT`.split(
    /\s+/,
  ),
)

const DDL_ALTER_TABLE: ReadonlySet<string> = new Set(
  `AT_AddColumn AT_ColumnDefault AT_DropNotNull AT_SetNotNull AT_SetExpression AT_DropExpression AT_SetStatistics
  AT_SetOptions AT_ResetOptions AT_SetStorage AT_SetCompression AT_DropColumn AT_AddIndex AT_AddIndexConstraint
  AT_AddConstraint AT_AlterConstraint AT_ValidateConstraint AT_DropConstraint AT_AlterColumnType AT_ClusterOn
  AT_DropCluster AT_SetLogged AT_SetUnLogged AT_DropOids AT_SetRelOptions AT_ResetRelOptions AT_AddInherit
  AT_DropInherit AT_AddOf AT_DropOf AT_ReplicaIdentity AT_AttachPartition AT_DetachPartition
  AT_DetachPartitionFinalize AT_AddIdentity AT_SetIdentity AT_DropIdentity`.split(/\s+/),
)

/**
 * EXPLAIN without ANALYZE plans these and does not run them. EXECUTE is not among them: its arguments are evaluated; nor
 * is CREATE TABLE AS: for a temporary table the session's schema is created.
 */
export const ONLY_PLANNED: ReadonlySet<string> = new Set([...CHANGES_ROWS, 'SelectStmt', 'DeclareCursorStmt'])

/** Statements that are nothing by themselves; their parts decide. */
const READS: ReadonlySet<string> = new Set(['SelectStmt', 'ExplainStmt', 'VariableShowStmt'])

export function judgeStatement(type: string, node: TreeNode): StatementVerdict {
  if (READS.has(type)) return null
  const dml = DML.get(type)
  if (dml !== undefined) return judgeRows(type, node) ?? { operation: 'dml', code: dml[0], message: dml[1] }
  switch (type) {
    case 'TransactionStmt':
      return { forbidden: 'transaction_control' }
    case 'DiscardStmt':
      return { forbidden: 'discard' }
    case 'CopyStmt':
      return text(node.filename) === undefined ? { forbidden: 'copy_stream' } : privileged('COPY reaches files')
    case 'VariableSetStmt':
      return node.kind === 'VAR_RESET_ALL'
        ? { forbidden: 'reset_all' }
        : judgeSetting(settingName(text(node.name) ?? ''))
    default:
      return isSchemaChange(type, node) && !isSystemTarget(node)
        ? {
            operation: 'ddl',
            code: 'schema_change',
            message: `${commandName(type, node)} changes the schema or what is stored for it`,
          }
        : privileged(`${commandName(type, node)} may reach rights, functions, the server, other sessions or files`)
  }
}

function privileged(message: string): StatementVerdict {
  return { operation: 'privileged', code: 'privileged_statement', message }
}

function judgeRows(type: string, node: TreeNode): StatementVerdict {
  if (!isSystemTarget(node)) return null
  const settings = CHANGES_ROWS.has(type) && isTreeNode(node.relation) && node.relation.relname === 'pg_settings'
  return settings
    ? { forbidden: 'settings_view' }
    : privileged(`${commandName(type, node)} names a table of the system catalog`)
}

/** @param name as `settingName` gives it */
export function judgeSetting(name: string): StatementVerdict {
  const setting = classifySetting(name)
  return 'forbidden' in setting ? setting : { ...setting, message: `The setting ${name} is changed` }
}

function isSchemaChange(type: string, node: TreeNode): boolean {
  if (DDL.has(type)) return true
  switch (type) {
    case 'AlterTableStmt':
      return DDL_OBJECTS.has(text(node.objtype) ?? '') && list(node.cmds).every(isSchemaChangeCommand)
    case 'CreateSchemaStmt':
      return node.authrole === undefined
    case 'DropStmt':
      return DDL_OBJECTS.has(text(node.removeType) ?? '')
    case 'RenameStmt':
      return DDL_OBJECTS.has(text(node.renameType) ?? '') && node.relationType !== 'OBJECT_FOREIGN_TABLE'
    case 'CommentStmt':
      return DDL_OBJECTS.has(text(node.objtype) ?? '')
    case 'AlterObjectSchemaStmt':
      return DDL_OBJECTS.has(text(node.objectType) ?? '')
    case 'DefineStmt':
      return node.kind === 'OBJECT_COLLATION'
    case 'CreateRangeStmt':
      // A canonical or a difference function is called by every later use of the type.
      return !list(node.params).some((option) =>
        /canonical|diff|opclass/.test(text(unwrap(option)?.node.defname) ?? ''),
      )
    default:
      return false
  }
}

function isSchemaChangeCommand(command: unknown): boolean {
  const alter = unwrap(command)?.node
  if (alter === undefined || !DDL_ALTER_TABLE.has(text(alter.subtype) ?? '')) return false
  // security_barrier and security_invoker decide with whose rights a view reads.
  const options = list(unwrap(alter.def)?.node.items)
  return !options.some((option) => (text(unwrap(option)?.node.defname) ?? '').toLowerCase().startsWith('security_'))
}

function isSystemTarget(node: TreeNode): boolean {
  const into = isTreeNode(node.into) ? node.into.rel : undefined
  const relations = list(node.relations).map((relation) => unwrap(relation)?.node)
  return [node.relation, node.view, into, ...relations].some((relation) => isTreeNode(relation) && isSystem(relation))
}

function isSystem(relation: TreeNode): boolean {
  const schema = text(relation.schemaname)
  if (schema === undefined) return (text(relation.relname) ?? '').startsWith('pg_')
  return schema === 'information_schema' || schema === 'pg_catalog' || schema.startsWith('pg_toast')
}
