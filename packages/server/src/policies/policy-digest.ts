import { canonicalBytes, digestOf } from '@twinlock/evidence'
import type { ServerConfig } from '../config.ts'

type Rules = Pick<ServerConfig, 'databases' | 'workflows'>

const digests = new WeakMap<Rules, string>()

/** The digest of the rules in force, `sha256:…`; it is in every work order. A configuration never changes. */
export function policyDigest(config: Rules): string {
  const digest = digests.get(config) ?? digestRules(config)
  digests.set(config, digest)
  return digest
}

function digestRules(config: Rules): string {
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
