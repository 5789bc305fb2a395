import { api } from '@twinlock/contract'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { joined, text } from '../terminal/safe-text.ts'
import { expiryText } from './expiry-text.ts'

export async function whoami(ctx: Context): Promise<ExitCode> {
  const { client, server } = await ctx.connect()
  const me = await client.call(api.identity.me, {}, { signal: ctx.io.interrupt })
  if (ctx.json) await ctx.printJson({ ...me, server: { url: server, ...me.server } })
  else
    await ctx.print(
      joined(
        [
          text`${ctx.out.bold(me.name)} (${me.roles.join(', ')})`,
          text`server   ${server}   ${me.server.version}`,
          text`token    ${expiryText(me.token_expires_at, ctx.now())}`,
        ],
        '\n',
      ),
    )
  return EXIT.done
}
