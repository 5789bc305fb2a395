import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nameSchema } from '@twinlock/contract'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { ask } from '../terminal/ask.ts'
import { joined, text } from '../terminal/safe-text.ts'
import {
  agentToml,
  DEFAULT_STARTER,
  rulesText,
  type Starter,
  serverToml,
  serverUrl,
  urlVariable,
} from './starter-config.ts'

const SERVER_FILE = 'twinlock-server.toml'
const AGENT_FILE = 'twinlock-agent.toml'

export async function initProject(ctx: Context, input: { readonly yes: boolean }): Promise<ExitCode> {
  if (!input.yes && !ctx.interactive)
    throw new CliError(
      'confirmation_required',
      'Without a terminal there is nobody to ask.',
      'Take the defaults with: twinlock init --yes',
    )
  const there = [SERVER_FILE, AGENT_FILE].filter((name) => existsSync(join(ctx.io.cwd, name)))
  if (there.length > 0) throw alreadyThere(there, 'Nothing was written.')
  const starter = input.yes ? DEFAULT_STARTER : await askForStarter(ctx)
  await writeNew(ctx, SERVER_FILE, serverToml(starter))
  await writeNew(ctx, AGENT_FILE, agentToml(starter))
  if (ctx.json) await ctx.printJson({ written: [SERVER_FILE, AGENT_FILE] })
  else
    await ctx.say(
      joined(
        [
          text`wrote ${SERVER_FILE} and ${AGENT_FILE}: ${rulesText(starter)}`,
          text`Next, in this folder:`,
          text`  twinlock-server --config ${SERVER_FILE}`,
          text`  twinlock login --server ${serverUrl(starter)} < twinlock-state/admin-token`,
          text`  export TWINLOCK_AGENT_TOKEN="$(cat twinlock-state/agent-token)"`,
          ...starter.environments.map((name) => text`  export ${urlVariable(name)}=postgres://…`),
          text`  twinlock-agent --config ${AGENT_FILE}`,
        ],
        '\n',
      ),
    )
  return EXIT.done
}

/** `wx` refuses a file that appeared meanwhile. */
async function writeNew(ctx: Context, name: string, content: string): Promise<void> {
  try {
    await writeFile(join(ctx.io.cwd, name), content, { flag: 'wx', mode: 0o644 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw alreadyThere([name], 'It was left as it is.')
    throw new CliError('file_unreadable', `${name} cannot be written (${code ?? 'unknown reason'}).`, undefined, error)
  }
}

function alreadyThere(names: readonly string[], outcome: string): CliError {
  const subject = `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'}`
  return new CliError('file_exists', `${subject} already here. ${outcome}`, 'Move it away, or go to another folder.')
}

async function askForStarter(ctx: Context): Promise<Starter> {
  const { database, environments, listen, agentId } = DEFAULT_STARTER
  return {
    database: await askForName(ctx, 'Name of the database', database),
    environments: await askForNames(ctx, 'Its environments, the guarded one last', environments),
    listen,
    agentId: await askForName(ctx, 'Name of the agent', agentId),
  }
}

async function askForName(ctx: Context, question: string, byDefault: string): Promise<string> {
  for (;;) {
    const name = (await ask(ctx.io, text`${question} [${byDefault}]: `)) || byDefault
    const parsed = nameSchema.safeParse(name)
    if (parsed.success) return parsed.data
    await ctx.say(text`  a name ${parsed.error.issues[0]?.message ?? 'is needed'}`)
  }
}

async function askForNames(ctx: Context, question: string, byDefault: readonly string[]): Promise<readonly string[]> {
  for (;;) {
    const answer = (await ask(ctx.io, text`${question} [${byDefault.join(' ')}]: `)) || byDefault.join(' ')
    const names = [...new Set(answer.split(/[\s,]+/).filter(Boolean))]
    const wrong = names.find((name) => !nameSchema.safeParse(name).success)
    if (names.length > 0 && wrong === undefined) return names
    await ctx.say(text`  ${wrong ?? 'nothing'} is not the name of an environment`)
  }
}
