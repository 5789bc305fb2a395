import type { Command } from '../define-command.ts'
import { verifyAuditCommand } from './audit/verify.ts'
import { cancelCommand } from './execution/cancel.ts'
import { approveCommand } from './request/approve.ts'
import { cancelRequestCommand } from './request/cancel.ts'
import { executeCommand } from './request/execute.ts'
import { listRequestsCommand } from './request/list.ts'
import { rejectCommand } from './request/reject.ts'
import { resultCommand } from './request/result.ts'
import { runCommand } from './request/run.ts'
import { showRequestCommand } from './request/show.ts'
import { loginCommand } from './session/login.ts'
import { whoamiCommand } from './session/whoami.ts'
import { initCommand } from './setup/init.ts'
import { createTokenCommand } from './token/create.ts'
import { createUserCommand } from './user/create.ts'
import { listUsersCommand } from './user/list.ts'

/** Every command there is, in the order of `--help`. */
export const COMMANDS: readonly Command[] = [
  executeCommand,
  approveCommand,
  rejectCommand,
  runCommand,
  cancelCommand,
  resultCommand,
  showRequestCommand,
  listRequestsCommand,
  cancelRequestCommand,
  verifyAuditCommand,
  whoamiCommand,
  loginCommand,
  createUserCommand,
  listUsersCommand,
  createTokenCommand,
  initCommand,
]

/** The nouns that group commands. */
export const NOUNS: Readonly<Record<string, string>> = {
  request: 'Show, list and withdraw requests',
  audit: 'Verify the audit log',
  user: 'Create and list users',
  token: 'Create tokens',
}
