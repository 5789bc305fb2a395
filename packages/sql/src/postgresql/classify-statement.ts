import { type Findings, noFindings, raise, raiseUnknown, refuse } from './findings.ts'
import { classifyFunction, isHarmlessOperator } from './functions.ts'
import { isNodeType, isTreeNode, list, nameParts, type TreeNode, text, unwrap } from './parse-tree.ts'
import { settingName } from './settings.ts'
import { judgeSetting, judgeStatement, ONLY_PLANNED, type StatementVerdict } from './statement-rules.ts'
import { isOn } from './transactional.ts'

/** What earlier statements of the same text have changed for the later ones. */
export interface TextState {
  searchPathChanged: boolean
  /** Bodies by name. They are judged again at each EXECUTE, as the server resolves names again. */
  prepared: Map<string, unknown[]>
}

interface Walk {
  state: TextState
  findings: Findings
  /** Parts of the tree still to be looked at; `planned`: below an EXPLAIN that does not execute. */
  pending: { value: unknown; planned: boolean }[]
  /** From a node's `location` to an offset in the submitted text. */
  toPosition: (location: unknown) => number
}

/** Node types that mean nothing by themselves. Any other type that is not a statement is not known to be harmless. */
const PLAIN_NODES: ReadonlySet<string> = new Set(
  `String Integer Float Boolean BitString List A_Const A_Star A_Indices A_Indirection A_ArrayExpr ColumnRef TypeCast
  TypeName CollateClause ResTarget MultiAssignRef WindowDef RangeSubselect RangeFunction RangeTableFunc
  RangeTableFuncCol JoinExpr Alias CaseExpr CaseWhen CoalesceExpr MinMaxExpr NullTest BooleanTest BoolExpr RowExpr
  GroupingFunc GroupingSet SQLValueFunction XmlExpr XmlSerialize NamedArgExpr SetToDefault CurrentOfExpr WithClause
  CommonTableExpr CTESearchClause CTECycleClause JsonFormat JsonReturning JsonValueExpr JsonIsPredicate JsonBehavior
  JsonOutput JsonArgument JsonFuncExpr JsonTablePathSpec JsonTable JsonTableColumn JsonKeyValue JsonParseExpr
  JsonScalarExpr JsonSerializeExpr JsonObjectConstructor JsonArrayConstructor JsonArrayQueryConstructor
  JsonAggConstructor JsonObjectAgg JsonArrayAgg MergeWhenClause MergeSupportFunc ReturningClause ReturningOption
  InferClause OnConflictClause IndexElem DefElem ColumnDef Constraint TableLikeClause PartitionElem PartitionSpec
  PartitionBoundSpec PartitionRangeDatum PartitionCmd AlterTableCmd ATAlterConstraint StatsElem VacuumRelation RoleSpec
  ObjectWithArgs AccessPriv FunctionParameter CreateOpClassItem TriggerTransition PublicationObjSpec RangeVar LockingClause`.split(
    /\s+/,
  ),
)

/** Relations of pg_catalog that hold credentials or are read from the server's files. */
const SENSITIVE_RELATIONS: ReadonlySet<string> = new Set(
  `pg_authid pg_shadow pg_subscription pg_user_mapping pg_user_mappings pg_file_settings pg_hba_file_rules
  pg_ident_file_mappings`.split(/\s+/),
)

/**
 * Walks the whole tree of one statement. Without recursion: hostile trees are deeper than any call stack.
 * @param toPosition from a node's `location`, where it has one, to an offset in the submitted text
 */
export function classifyStatement(
  root: { type: string; node: TreeNode },
  state: TextState,
  toPosition: (location: unknown) => number,
): Findings {
  const walk: Walk = { state, findings: noFindings(), pending: [], toPosition }
  visitStatement(walk, root.type, root.node, false, true)
  for (let next = walk.pending.pop(); next !== undefined; next = walk.pending.pop()) {
    const { value, planned } = next
    if (Array.isArray(value)) {
      for (let index = value.length - 1; index >= 0; index -= 1) walk.pending.push({ value: value[index], planned })
    } else if (isTreeNode(value)) {
      const wrapped = unwrap(value)
      if (wrapped === undefined) descend(walk, value, planned)
      else if (wrapped.type.endsWith('Stmt')) visitStatement(walk, wrapped.type, wrapped.node, planned, false)
      else visitPart(walk, wrapped.type, wrapped.node, planned)
    }
  }
  const { findings } = walk
  if (root.type === 'ExplainStmt' && findings.operation !== 'select' && isOn(root.node.options, 'analyze')) {
    raise(findings, 'select', {
      code: 'explain_analyze',
      message: 'EXPLAIN ANALYZE runs the statement',
      position: toPosition(undefined),
    })
  }
  return findings
}

function visitStatement(walk: Walk, type: string, node: TreeNode, planned: boolean, isRoot: boolean): void {
  const { findings, state } = walk
  if (type === 'ExplainStmt') {
    const { query, ...others } = node
    walk.pending.push({ value: query, planned: planned || !isOn(node.options, 'analyze') })
    descend(walk, others, planned)
    return
  }
  if (!(planned && ONLY_PLANNED.has(type))) judge(walk, type, node, isRoot)
  if (type === 'VariableSetStmt' && settingName(text(node.name) ?? '') === 'search_path') {
    findings.changesSearchPath = true
  }
  const name = text(node.name) ?? ''
  if (type === 'PrepareStmt') {
    state.prepared.set(name, [...(state.prepared.get(name) ?? []), node.query])
  } else if (type === 'ExecuteStmt') {
    const bodies = state.prepared.get(name)
    if (bodies === undefined) {
      raiseAt(walk, node, 'privileged', 'unknown_prepared', 'EXECUTE runs a statement that this text did not prepare')
    }
    for (const value of bodies ?? []) walk.pending.push({ value, planned: false })
  }
  descend(walk, node, planned)
}

function judge(walk: Walk, type: string, node: TreeNode, isRoot: boolean): void {
  // A SET clause of CREATE FUNCTION and the like is not run now; what holds it is privileged.
  if (type === 'VariableSetStmt' && !isRoot) return
  const location = isTreeNode(node.relation) ? node.relation.location : undefined
  apply(walk, judgeStatement(type, node), walk.toPosition(location))
}

function apply(walk: Walk, verdict: StatementVerdict, position: number): void {
  if (verdict === null) return
  if ('forbidden' in verdict) refuse(walk.findings, verdict.forbidden, position)
  else raise(walk.findings, verdict.operation, { code: verdict.code, message: verdict.message, position })
}

function visitPart(walk: Walk, type: string, node: TreeNode, planned: boolean): void {
  switch (type) {
    case 'FuncCall':
      visitFunction(walk, node)
      break
    case 'A_Expr':
      visitOperator(walk, /BETWEEN/.test(text(node.kind) ?? '') ? ['<='] : nameParts(node.name), node)
      break
    case 'SubLink':
      if (node.operName !== undefined) visitOperator(walk, nameParts(node.operName), node)
      else if (node.subLinkType === 'ANY_SUBLINK') visitOperator(walk, ['='], node)
      break
    case 'SortBy':
      if (node.useOp !== undefined) visitOperator(walk, nameParts(node.useOp), node)
      break
    case 'CaseExpr':
      if (node.arg !== undefined) visitOperator(walk, ['='], node)
      break
    case 'JoinExpr':
      if (node.usingClause !== undefined || node.isNatural === true) visitOperator(walk, ['='], node)
      break
    case 'RangeTableSample': {
      const method = nameParts(node.method).join('.')
      if (!/^(pg_catalog\.)?(system|bernoulli)$/.test(method)) visitUnknown(walk, method, node)
      break
    }
    case 'ParamRef': {
      const location = typeof node.location === 'number' ? node.location : 0
      walk.findings.parameter = Math.min(walk.findings.parameter ?? location, location)
      break
    }
    default:
      if (!PLAIN_NODES.has(type)) raiseAt(walk, node, 'privileged', 'unknown_node', `Nothing is known about ${type}`)
  }
  descend(walk, node, planned)
}

/** Queues every field. Structs that stand in a field without their type are known by the field's name. */
function descend(walk: Walk, node: TreeNode, planned: boolean): void {
  if (node.intoClause !== undefined) {
    raiseAt(walk, node, 'ddl', 'creates_table', 'SELECT INTO creates a table')
  }
  if (!planned && node.lockingClause !== undefined) {
    raiseAt(walk, node, 'dml', 'row_lock', 'A locking clause holds rows against others')
  }
  if (isTreeNode(node.funccall)) visitFunction(walk, node.funccall)
  const relation = text(node.relname)
  if (relation !== undefined && SENSITIVE_RELATIONS.has(relation)) {
    raiseAt(
      walk,
      node,
      'privileged',
      'sensitive_relation',
      `${relation} holds credentials or shows files of the server`,
    )
  }
  if (Object.keys(node).some(isNodeType)) {
    raiseAt(walk, node, 'privileged', 'unknown_node', 'The parser answered with a tree of unknown shape')
  }
  const fields = Object.values(node)
  for (let index = fields.length - 1; index >= 0; index -= 1) {
    const value = fields[index]
    if (typeof value === 'object') walk.pending.push({ value, planned })
  }
}

function visitFunction(walk: Walk, node: TreeNode): void {
  const parts = nameParts(node.funcname)
  const name = parts.join('.')
  const found = classifyFunction(parts, walk.state.searchPathChanged)
  if (found === 'unknown') visitUnknown(walk, name, node)
  if (found === 'set_config') visitSetConfig(walk, node)
  if (found === 'dml') {
    raiseAt(walk, node, 'dml', 'writing_function', `${name} changes data, takes locks or stays in the session`)
  }
  if (found === 'privileged') {
    raiseAt(walk, node, 'privileged', 'privileged_function', `${name} reaches SQL text, files, the server or sessions`)
  }
}

function visitOperator(walk: Walk, parts: string[], node: TreeNode): void {
  if (!isHarmlessOperator(parts, walk.state.searchPathChanged)) visitUnknown(walk, `OPERATOR(${parts.join('.')})`, node)
}

function visitUnknown(walk: Walk, name: string, node: TreeNode): void {
  const position = walk.toPosition(node.location)
  const message = `Nothing is known about the function ${name}`
  raiseUnknown(walk.findings, name, { code: 'unknown_function', message, position })
}

function visitSetConfig(walk: Walk, node: TreeNode): void {
  const position = walk.toPosition(node.location)
  const name = constantSettingName(node)
  if (name === 'search_path') walk.findings.changesSearchPath = true
  const verdict = name === undefined ? { forbidden: 'dynamic_setting' } : judgeSetting(name)
  apply(walk, verdict, position)
}

function constantSettingName(call: TreeNode): string | undefined {
  const args = list(call.args).map(unwrap)
  const named = args.filter((arg) => arg?.type === 'NamedArgExpr')
  const first =
    named.length > 0 && args[0]?.type === 'NamedArgExpr'
      ? unwrap(named.find((arg) => arg?.node.name === 'setting_name')?.node.arg)
      : args[0]
  const constant = first?.type === 'A_Const' && isTreeNode(first.node.sval) ? first.node.sval : undefined
  // An empty string is left out of the tree.
  return constant === undefined ? undefined : settingName(text(constant.sval) ?? '')
}

function raiseAt(walk: Walk, node: TreeNode, operation: 'dml' | 'ddl' | 'privileged', code: string, message: string) {
  raise(walk.findings, operation, { code, message, position: walk.toPosition(node.location) })
}
