import type { DatabaseConfig, ServerConfig } from '../config.ts'
import type { TargetName } from './workflow.ts'

export function configuredTargets(config: Pick<ServerConfig, 'databases'>): TargetName[] {
  return config.databases.flatMap(({ name, environments }) =>
    environments.map((environment) => ({ database: name, environment })),
  )
}

/** The database of a target; undefined when it, or the environment, is not configured. */
export function findTargetDatabase(
  config: Pick<ServerConfig, 'databases'>,
  target: TargetName,
): DatabaseConfig | undefined {
  return config.databases.find(
    ({ name, environments }) => name === target.database && environments.includes(target.environment),
  )
}

export function targetText(target: TargetName): string {
  return `${target.database}/${target.environment}`
}

export function isSameTarget(a: TargetName, b: TargetName): boolean {
  return a.database === b.database && a.environment === b.environment
}
