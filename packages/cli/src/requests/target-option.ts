import { nameSchema } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'

interface TargetName {
  readonly database: string
  readonly environment: string
}

interface TargetInput {
  readonly target?: string | undefined
  readonly database?: string | undefined
  readonly environment?: string | undefined
}

/** The target that flags name, filled up from the configuration. */
export function readTarget(input: TargetInput, defaults: Omit<TargetInput, 'target'>): TargetName {
  if (input.target !== undefined) {
    if (input.database !== undefined || input.environment !== undefined)
      throw new CliError('usage', 'The target is given twice.', 'Use either --target, or --database and --environment.')
    return parseTarget(input.target)
  }
  const database = input.database ?? defaults.database
  const environment = input.environment ?? defaults.environment
  const missing = [database ?? 'database', environment ?? 'environment'].filter(
    (_, i) => [database, environment][i] === undefined,
  )
  if (database === undefined || environment === undefined)
    throw new CliError(
      'usage',
      `It is not clear where to run it: no ${missing.join(' and no ')} is given.`,
      'Name the target: -t app/production, or set database and environment in twinlock.toml.',
    )
  return { database: checkName(database), environment: checkName(environment) }
}

/** `app/production` */
export function parseTarget(target: string): TargetName {
  const [database, environment, ...rest] = target.split('/')
  if (!database || !environment || rest.length > 0)
    throw new CliError('usage', `"${target}" is not a target.`, 'Write it as database/environment: app/production.')
  return { database: checkName(database), environment: checkName(environment) }
}

/** `app/production`, or `app` for all its environments. */
export function parseTargetFilter(target: string): string {
  if (!target.includes('/')) return checkName(target)
  const { database, environment } = parseTarget(target)
  return `${database}/${environment}`
}

export function parseUserName(name: string): string {
  const parsed = nameSchema.safeParse(name)
  if (parsed.success) return parsed.data
  throw new CliError(
    'usage',
    `"${name}" is not the name of a user.`,
    `A name ${parsed.error.issues[0]?.message ?? ''}.`,
  )
}

function checkName(name: string): string {
  const parsed = nameSchema.safeParse(name)
  if (parsed.success) return parsed.data
  throw new CliError(
    'usage',
    `"${name}" is not the name of a database or an environment.`,
    `A name ${parsed.error.issues[0]?.message ?? ''}.`,
  )
}
