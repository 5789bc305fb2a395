import { resolve } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { api, transportVerdict } from '@twinlock/contract'
import { createClient } from '@twinlock/contract/client'
import { CliError } from '../cli-error.ts'
import { readUserConfig } from '../config/config-files.ts'
import type { UserConfig } from '../config/config-schema.ts'
import { readNetwork } from '../config/network.ts'
import { configPath } from '../config/paths.ts'
import { readIfThere, writePrivateFile } from '../config/private-file.ts'
import { serverOrigin } from '../config/resolve-connection.ts'
import { withToken } from '../config/save-token.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { ask } from '../terminal/ask.ts'
import { joined, text } from '../terminal/safe-text.ts'
import { expiryText } from './expiry-text.ts'

interface LoginInput {
  readonly server: string | undefined
  readonly allowInsecure: boolean
  readonly caFile: string | undefined
}

/** A token that does not work is not kept. The server is never taken from a project's file. */
export async function login(ctx: Context, input: LoginInput): Promise<ExitCode> {
  const user = await readUserConfig(ctx.io)
  const address = input.server ?? (ctx.io.env.TWINLOCK_SERVER || user.server) ?? (await askForServer(ctx))
  const before = entryOf(user, address)
  const server = checkServer(address, input.allowInsecure || before?.allow_insecure === true)
  const network = readNetwork(ctx.io, { flag: input.caFile, entry: before?.ca_file })
  const token = await readToken(ctx, server)
  const client = createClient({ baseUrl: server, token, network, userAgent: `twinlock-cli/${ctx.io.version}` })
  const me = await client.call(api.identity.me, {}, { signal: ctx.io.interrupt })
  const path = configPath(ctx.io)
  const content = (await readIfThere(path)) ?? ''
  const caFile = input.caFile === undefined ? undefined : resolve(ctx.io.cwd, input.caFile)
  await writePrivateFile(path, withToken(content, { server, token, allowInsecure: input.allowInsecure, caFile }))
  if (ctx.json) await ctx.printJson({ ...me, server: { url: server, ...me.server } })
  else
    await ctx.say(
      joined(
        [
          text`signed in to ${server} as ${ctx.err.bold(me.name)} (${me.roles.join(', ')}); the token ${expiryText(me.token_expires_at, ctx.now())}`,
          text`  kept in ${path}`,
        ],
        '\n',
      ),
    )
  return EXIT.done
}

function entryOf(user: UserConfig, address: string): UserConfig['servers'][string] | undefined {
  const origin = serverOrigin(address)
  return Object.entries(user.servers).find(([key]) => serverOrigin(key) === origin)?.[1]
}

function checkServer(address: string, allowInsecure: boolean): string {
  const verdict = transportVerdict(address, { allowInsecure })
  if (!verdict.ok) throw new CliError('server_refused', verdict.why, 'To accept it for this server: --allow-insecure')
  const origin = serverOrigin(address)
  if (origin === undefined)
    throw new CliError(
      'server_refused',
      `${address} is more than the address of a server.`,
      'Give it without a path: https://twinlock.example.com',
    )
  return origin
}

async function askForServer(ctx: Context): Promise<string> {
  if (!ctx.interactive)
    throw new CliError(
      'server_missing',
      'It is not clear which server.',
      'Name it: twinlock login --server https://twinlock.example.com',
    )
  return ask(ctx.io, text`Server (https://…): `)
}

async function readToken(ctx: Context, server: string): Promise<string> {
  const given = ctx.interactive ? await askHidden(ctx, server) : await readText(ctx.io.stdin)
  const token = given.trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new CliError(
    'usage',
    token === '' ? 'There is no token.' : 'That is not a token: it has spaces or other characters in it.',
    'Type it in a terminal, or pass it on stdin: twinlock login --server URL < token-file',
  )
}

async function askHidden(ctx: Context, server: string): Promise<string> {
  const { isCancel, password } = await import('@clack/prompts')
  const answer = await password({
    message: `Token for ${server}`,
    output: ctx.io.promptOutput as NodeJS.WriteStream,
    signal: ctx.io.interrupt,
  })
  if (isCancel(answer)) throw new CliError('interrupted', 'Nothing was kept.')
  return answer
}
