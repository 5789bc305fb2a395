import { canonicalBytes, digestOf } from '@twinlock/evidence'
import type { ServerConfig } from '../config.ts'

/** The digest of the rules in force, `sha256:…`; it is in every work order. */
export function policyDigest(config: Pick<ServerConfig, 'databases' | 'workflows'>): string {
  const rules = {
    databases: config.databases.map(({ name, environments, dialect }) => ({ name, environments, dialect })),
    workflows: config.workflows.map((workflow) => ({
      ...workflow,
      limits: { ...workflow.limits },
      steps: workflow.steps.map(({ mode, approvers }) => ({
        mode,
        approvers: approvers.map((entry) => ({ ...entry })),
      })),
    })),
  }
  return digestOf(canonicalBytes(rules))
}
