import { formatRoleAssignment, parseRoleAssignment, ROLE_NAMES } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'

/** What `--role` names, each once, in its one spelling. */
export function readRoles(given: readonly string[]): string[] {
  if (given.length === 0)
    throw new CliError('usage', 'A user needs a role.', `Add --role with one of ${ROLE_NAMES.join(', ')}.`)
  const roles = given.map((text) => {
    const role = parseRoleAssignment(text)
    if (role) return formatRoleAssignment(role)
    throw new CliError(
      'usage',
      `"${text}" is not a role.`,
      `The roles are ${ROLE_NAMES.join(', ')}; for some targets alone: developer@app/production, approver@*/staging.`,
    )
  })
  return [...new Set(roles)]
}
