import { AppError, api, type RequestView } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { type ResultInput, readResultOptions } from '../results/result-options.ts'
import { confirm } from '../terminal/ask.ts'
import { printableSql } from '../terminal/printable.ts'
import { joined, type Palette, type SafeText, text } from '../terminal/safe-text.ts'
import { requestTitle } from './describe-request.ts'
import { type EditedSql, editInEditor } from './edit-in-editor.ts'
import { followRequest } from './follow-request.ts'
import { diffLines, shortened } from './line-diff.ts'
import { readSql } from './read-sql.ts'
import { readRequestRef } from './request-ref.ts'
import { createRequest } from './submit-sql.ts'
import { readWaitOption } from './wait-option.ts'

interface EditInput extends ResultInput {
  readonly request: string
  readonly sql: string | undefined
  readonly file: string | undefined
  readonly reason: string | undefined
  readonly yes: boolean
  readonly wait: string | boolean | undefined
}

/** The edited version is a request of its own: nothing that was approved is changed. */
export async function editRequest(ctx: Context, input: EditInput): Promise<ExitCode> {
  const id = readRequestRef(input.request)
  const approval = readWaitOption(input.wait, ctx.interactive, ctx.now())
  const result = await readResultOptions(ctx.io, input)
  const given = input.sql !== undefined || input.file !== undefined ? await readSql(ctx.io, input) : undefined
  if (given === undefined && !ctx.interactive)
    throw new CliError(
      'usage',
      'Without a terminal there is no editor.',
      'Give the whole new SQL as an argument, or with -f FILE (- is stdin).',
    )
  const { client } = await ctx.connect()
  const before = await client.call(api.requests.get, { params: { id } }, { signal: ctx.io.interrupt })
  assertReplaceable(before)
  await using edited = given === undefined ? await editInEditor(ctx, `${before.number}.sql`, before.sql) : undefined
  const sql = given ?? edited?.sql ?? ''
  if (sql.trim() === '') throw new CliError('usage', `There is no SQL left: #${before.number} stays as it is.`)
  const reason = input.reason?.trim() || before.reason
  if (sql === before.sql && reason === before.reason) return sayUnchanged(ctx, before)
  if (!ctx.json) await ctx.say(diffText(ctx.err, before.sql, sql))
  if (edited && !input.yes && !(await confirm(ctx.io, text`Submit it in place of #${before.number}? [y/N] `)))
    return sayKept(ctx, before, edited)
  const after = await submitEdited(ctx, edited, before, () =>
    createRequest(ctx, client, {
      database: before.database,
      environment: before.environment,
      sql,
      ...(reason === null ? {} : { reason }),
      start: before.start,
      replaces: before.id,
    }),
  )
  if (!ctx.json) await ctx.say(text`${requestTitle(after)}, in place of #${before.number}`)
  return followRequest(ctx, client, after, {
    fresh: true,
    approval,
    execution: approval.wait ? approval : { wait: true, until: undefined },
    ...result,
  })
}

/** What the server would say, before somebody edits for nothing. */
function assertReplaceable({ number, replaced_by: replacedBy }: RequestView): void {
  if (replacedBy === null) return
  throw new AppError('request_not_replaceable', {
    detail: `#${number} was replaced by #${replacedBy} already`,
    hint: `Edit that one: twinlock request edit ${replacedBy}`,
  })
}

/** What somebody wrote is not lost because a server says no. */
async function submitEdited(
  ctx: Context,
  edited: EditedSql | undefined,
  { number }: RequestView,
  submit: () => Promise<RequestView>,
): Promise<RequestView> {
  try {
    return await submit()
  } catch (error) {
    if (edited && !ctx.json)
      await ctx.say(text`what you wrote is kept: twinlock request edit ${number} -f ${edited.keep()}`)
    throw error
  }
}

async function sayKept(ctx: Context, { number }: RequestView, edited: EditedSql): Promise<ExitCode> {
  if (ctx.json) throw new CliError('confirmation_required', `#${number} stays as it is: the answer was no.`)
  await ctx.say(text`#${number} stays as it is; what you wrote is kept: ${edited.keep()}`)
  return EXIT.error
}

async function sayUnchanged(ctx: Context, request: RequestView): Promise<ExitCode> {
  if (ctx.json) await ctx.printJson({ request, execution: null, results: [] })
  else await ctx.say(text`nothing was changed: #${request.number} stays as it is`)
  return EXIT.done
}

/** Lines around each change, as a reviewer would see them. */
function diffText(palette: Palette, before: string, after: string): SafeText {
  const [old, fresh] = [printableSql(before), printableSql(after)]
  if (!old.ok || !fresh.ok) return text`  (the SQL cannot be shown faithfully)`
  const lines = shortened(diffLines(old.lines, fresh.lines), 2).map((change) => {
    if (!change) return text`  ${palette.dim('…')}`
    const line = { safe: `${change.mark} ${change.line}` }
    if (change.mark === ' ') return text`  ${line}`
    return text`  ${change.mark === '-' ? palette.bad(line) : palette.good(line)}`
  })
  return joined(lines, '\n')
}
