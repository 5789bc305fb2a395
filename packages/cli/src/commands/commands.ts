import type { Command } from '../define-command.ts'
import { listAgentsCommand } from './agent/list.ts'
import { listAuditCommand } from './audit/list.ts'
import { tailAuditCommand } from './audit/tail.ts'
import { verifyAuditCommand } from './audit/verify.ts'
import { cancelCommand } from './execution/cancel.ts'
import { approveCommand } from './request/approve.ts'
import { cancelRequestCommand } from './request/cancel.ts'
import { commentRequestCommand } from './request/comment.ts'
import { editRequestCommand } from './request/edit.ts'
import { executeCommand } from './request/execute.ts'
import { inboxCommand } from './request/inbox.ts'
import { listRequestsCommand } from './request/list.ts'
import { rejectCommand } from './request/reject.ts'
import { resultCommand } from './request/result.ts'
import { runCommand } from './request/run.ts'
import { showRequestCommand } from './request/show.ts'
import { listRolesCommand } from './role/list.ts'
import { loginCommand } from './session/login.ts'
import { whoamiCommand } from './session/whoami.ts'
import { completionCommand } from './setup/completion.ts'
import { doctorCommand } from './setup/doctor.ts'
import { initCommand } from './setup/init.ts'
import { listTargetsCommand } from './target/list.ts'
import { pauseTargetCommand } from './target/pause.ts'
import { resumeTargetCommand } from './target/resume.ts'
import { createTokenCommand } from './token/create.ts'
import { listTokensCommand } from './token/list.ts'
import { revokeTokensCommand } from './token/revoke.ts'
import { activateUserCommand } from './user/activate.ts'
import { createUserCommand } from './user/create.ts'
import { listUsersCommand } from './user/list.ts'
import { removeUserCommand } from './user/remove.ts'
import { showUserCommand } from './user/show.ts'
import { suspendUserCommand } from './user/suspend.ts'
import { updateUserCommand } from './user/update.ts'

/** Every command there is, in the order of `--help`. */
export const COMMANDS: readonly Command[] = [
  executeCommand,
  inboxCommand,
  approveCommand,
  rejectCommand,
  runCommand,
  cancelCommand,
  resultCommand,
  showRequestCommand,
  listRequestsCommand,
  commentRequestCommand,
  editRequestCommand,
  cancelRequestCommand,
  listTargetsCommand,
  listAgentsCommand,
  pauseTargetCommand,
  resumeTargetCommand,
  listAuditCommand,
  tailAuditCommand,
  verifyAuditCommand,
  whoamiCommand,
  loginCommand,
  doctorCommand,
  createUserCommand,
  listUsersCommand,
  showUserCommand,
  updateUserCommand,
  suspendUserCommand,
  activateUserCommand,
  removeUserCommand,
  createTokenCommand,
  listTokensCommand,
  revokeTokensCommand,
  listRolesCommand,
  initCommand,
  completionCommand,
]

/** The nouns that group commands. */
export const NOUNS: Readonly<Record<string, string>> = {
  request: 'Show, list and withdraw requests',
  target: 'Pause and resume targets',
  audit: 'Read, follow and verify the audit log',
  user: 'Create, change, suspend and remove users',
  token: 'Create, list and revoke tokens',
  role: 'List the roles',
}
