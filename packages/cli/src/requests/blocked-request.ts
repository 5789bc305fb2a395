import { AppError, type RequestView } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'

/** Why an execution of the request is in the way. One that ends is waited for; a lost one has to be found out. */
export function blockedBy(request: RequestView, cause: AppError): Error {
  const { number, latest_execution: latest } = request
  if (latest?.status !== 'lost')
    return new AppError(cause.code, { detail: cause.message, hint: `Its result: twinlock result ${number}` }, cause)
  return new CliError(
    'outcome_unknown',
    `The outcome of #${number} is unknown: its agent stopped answering while it ran. The request stays blocked until the agent or the database tells what took effect.`,
    `What is known so far: twinlock request show ${number}\nDo not repeat the statement, also not in a new request, before you know.`,
    cause,
  )
}
