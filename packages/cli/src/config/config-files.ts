import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ConfigProblem, formatConfigProblems, readConfig } from '@twinlock/contract/config'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { type ProjectConfig, projectConfigSchema, type UserConfig, userConfigSchema } from './config-schema.ts'
import { configPath } from './paths.ts'
import { readIfThere } from './private-file.ts'

interface ConfigFiles {
  readonly user: UserConfig
  readonly project: ProjectConfig
  /** Of the project's file; undefined when there is none. */
  readonly projectPath: string | undefined
}

export async function readConfigFiles(io: Io): Promise<ConfigFiles> {
  const [user, project] = await Promise.all([readUserConfig(io), readProjectConfig(io.cwd)])
  return { user, ...project }
}

export async function readUserConfig(io: Pick<Io, 'env' | 'home' | 'posix'>): Promise<UserConfig> {
  const path = configPath(io)
  const content = await readConfigText(path)
  if (content === undefined) return { servers: {} }
  const readFile = (file: string) => readFileSync(file, 'utf8')
  const parsed = readConfig({ text: content, env: io.env, readFile, overridable: [] }, userConfigSchema)
  if (!parsed.ok) throw invalid(path, parsed.problems)
  const holdsToken = Object.values(parsed.value.servers).some((entry) => entry.token !== undefined)
  if (holdsToken && io.posix && ((await stat(path)).mode & 0o077) !== 0)
    throw new CliError('config_unsafe', `${path} holds a token and other users can read it.`, `chmod 600 ${path}`)
  return parsed.value
}

/** The nearest `twinlock.toml` from the current folder upward. */
async function readProjectConfig(from: string): Promise<Omit<ConfigFiles, 'user'>> {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, 'twinlock.toml')
    const content = await readConfigText(path)
    if (content !== undefined) {
      // No variables: a cloned repository could name a server whose address carries one away.
      const parsed = readConfig({ text: content, env: {}, readFile: refuseFile, overridable: [] }, projectConfigSchema)
      if (!parsed.ok)
        throw invalid(
          path,
          parsed.problems,
          'It may set server, database and environment, as plain text: variables and files are not read for it.',
        )
      return { project: parsed.value, projectPath: path }
    }
    if (dirname(folder) === folder) return { project: {}, projectPath: undefined }
  }
}

async function readConfigText(path: string): Promise<string | undefined> {
  try {
    return await readIfThere(path)
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason'
    throw new CliError('config_invalid', `${path} cannot be read (${reason}).`, undefined, error)
  }
}

function refuseFile(): never {
  throw new Error('files are not read here')
}

function invalid(path: string, problems: readonly ConfigProblem[], hint?: string): CliError {
  return new CliError('config_invalid', formatConfigProblems(path, problems), hint)
}
