import { encodeWorkOrder, type Operation } from '@twinlock/evidence'
import type { Analysis, Dialect } from '@twinlock/sql'
import { toInstant } from '../clock.ts'
import type { Context } from '../context.ts'
import { policyDigest } from '../policies/policy-digest.ts'
import type { TargetName, Workflow } from '../policies/workflow.ts'

/** The canonical text of what will run, from now on unchanged: the statements are slices of the submitted text. */
export function freezeWorkOrder(
  ctx: Pick<Context, 'config' | 'clock' | 'random'>,
  input: {
    requestId: string
    target: TargetName
    dialect: Dialect
    analysis: Extract<Analysis, { ok: true }>
    requester: string
    workflow: Workflow
  },
): string {
  const { analysis, target, workflow } = input
  return encodeWorkOrder({
    v: 1,
    request_id: input.requestId,
    target: { database: target.database, environment: target.environment },
    dialect: input.dialect,
    operations: [...analysis.operations].sort() satisfies Operation[],
    statements: analysis.statements.map(({ sql, transactional }) => ({ sql, transactional })),
    classifier: { version: analysis.classifier, catalog_digest: null },
    requester: input.requester,
    requester_key: null,
    executor: null,
    seal_to: [],
    limits: workflow.limits,
    allowance: {
      max_executions: workflow.maxExecutions,
      approval_ttl_s: workflow.approvalTtlS,
      execution_window_s: workflow.executionWindowS,
      share_with: [],
    },
    policy_digest: policyDigest(ctx.config),
    features: [],
    created_at: toInstant(ctx.clock.now()),
    nonce: Buffer.from(ctx.random(16)).toString('hex'),
  })
}
