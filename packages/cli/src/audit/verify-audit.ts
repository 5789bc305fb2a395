import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { api } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import { auditHeadsPath } from '../config/paths.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { problemOf } from '../report-error.ts'
import { joined, text } from '../terminal/safe-text.ts'
import { countText, plural, timeText } from '../terminal/time-text.ts'
import { findKnownHead, type KnownHead, rememberHead } from './known-heads.ts'
import { type LogVerdict, verifyLog } from './verify-log.ts'

export async function verifyAudit(ctx: Context, input: { readonly file: string | undefined }): Promise<ExitCode> {
  if (input.file !== undefined) return report(ctx, await verifyFile(ctx, input.file))
  const { client, server } = await ctx.connect()
  const known = await findKnownHead(ctx.io, server)
  const bytes = await client.stream(api.audit.export, { query: { after: 0 } }, { signal: ctx.io.interrupt })
  const verdict = await verifyLog(bytes, known)
  if (verdict.ok) await rememberHead(ctx.io, server, verdict.head, ctx.now())
  return report(ctx, verdict, known)
}

async function verifyFile(ctx: Context, file: string): Promise<LogVerdict> {
  const stream = file === '-' ? ctx.io.stdin : createReadStream(resolve(ctx.io.cwd, file))
  try {
    return await verifyLog(stream as AsyncIterable<Uint8Array>)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new CliError('file_unreadable', `${file} cannot be read (${code}).`, undefined, error)
  }
}

async function report(ctx: Context, verdict: LogVerdict, known?: KnownHead): Promise<ExitCode> {
  if (verdict.ok) {
    const { seq, hash } = verdict.head
    if (ctx.json) await ctx.printJson({ ok: true, records: seq, head: verdict.head })
    else if (seq === 0) await ctx.print(text`audit log   empty`)
    else
      await ctx.print(
        text`audit log   ${plural(seq, 'record')}, chain ${ctx.out.good('intact')}, head ${hash.slice(0, 4)}… at #${countText(seq)}`,
      )
    return EXIT.done
  }
  const { at, why, kind } = verdict
  const error = new CliError('audit_not_intact', `Record ${at}: ${why}.`, hintFor(kind, auditHeadsPath(ctx.io)))
  if (ctx.json) await ctx.printJson({ ok: false, at, kind, why, error: problemOf(error) })
  else {
    const lines = [
      text`audit log   ${ctx.out.bad('NOT INTACT')} at record #${countText(at)}: ${why}`,
      ...(known && kind !== 'broken'
        ? [text`  verified before: ${plural(known.seq, 'record')}, ${timeText(known.verified_at, ctx.now())}`]
        : []),
      text`  ${error.hint ?? ''}`,
    ]
    await ctx.print(joined(lines, '\n'))
  }
  return EXIT.error
}

function hintFor(kind: 'broken' | 'rewritten' | 'shortened', heads: string): string {
  if (kind === 'broken')
    return 'Keep this log as it is and compare it with an older export: what stands before that record is intact.'
  return `Somebody removed or rewrote records, the server was restored from an older copy, or another server answers at this address now. Once you know which: the remembered end is in ${heads}.`
}
