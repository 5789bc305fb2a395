import type { Forbidden } from '../analysis.ts'

const RULES: ReadonlyMap<string, { message: string; hint: string }> = new Map([
  [
    'transaction_control',
    {
      message: 'Transactions are controlled by the agent, not by the statement',
      hint: 'Leave out BEGIN, COMMIT, ROLLBACK, SAVEPOINT and SET TRANSACTION: a request runs in one transaction where it can.',
    },
  ],
  [
    'set_role',
    { message: 'The role of the session cannot be changed', hint: 'Ask for a target whose credential has the role.' },
  ],
  [
    'set_session_authorization',
    {
      message: 'The authorization of the session cannot be changed',
      hint: 'Ask for a target whose credential has the role.',
    },
  ],
  [
    'set_names',
    { message: 'The character set of the session cannot be changed', hint: 'Write the SQL in UTF-8 and leave it out.' },
  ],
  [
    'text_reading_setting',
    {
      message: 'The setting changes how SQL text is read, so the text approved would not be the text executed',
      hint: 'Leave it out and write the SQL for the default.',
    },
  ],
  [
    'reset_all',
    { message: 'RESET ALL would undo what the agent set', hint: 'RESET the one setting that was changed.' },
  ],
  [
    'discard',
    { message: 'DISCARD would undo what the agent set', hint: 'Leave it out: every session is reset afterwards.' },
  ],
  [
    'copy_stream',
    {
      message: 'COPY from or to the client is not possible through the gateway',
      hint: 'Use SELECT to read, and INSERT with VALUES to write.',
    },
  ],
  [
    'dynamic_setting',
    {
      message: 'set_config with a computed name could change any setting',
      hint: 'Write the name of the setting as a plain string.',
    },
  ],
  [
    'settings_view',
    { message: 'An update of pg_settings could change any setting', hint: 'Use SET with the name of the setting.' },
  ],
])

/** The refusal that a rule's name stands for. */
export function forbid(rule: string): Forbidden {
  const { message, hint } = RULES.get(rule) ?? { message: 'The statement is refused', hint: 'Leave it out.' }
  return { rule, message, hint }
}
