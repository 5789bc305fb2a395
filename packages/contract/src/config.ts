import { parse, TomlError } from 'smol-toml'
import type { z } from 'zod'

/** One thing that is wrong with a configuration: the key's path (empty for the file as a whole) and what to do about it. */
export interface ConfigProblem {
  readonly path: string
  readonly message: string
}

export type ConfigResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

export interface ConfigSource {
  /** The TOML text. */
  readonly text: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads the file behind `${file:…}`; throws when it cannot. */
  readonly readFile: (path: string) => string
  /** Dotted keys that `TWINLOCK_<KEY>` overrides, dots as underscores: `server.url` by `TWINLOCK_SERVER_URL`. */
  readonly overridable: readonly string[]
}

/** Parses, overrides, interpolates and validates a configuration; all problems are reported at once. Pure but for `readFile`. */
export function readConfig<S extends z.ZodType>(source: ConfigSource, schema: S): ConfigResult<z.infer<S>> {
  let document: unknown
  try {
    document = parse(source.text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    return {
      ok: false,
      problems: [{ path: '', message: `line ${error.line}, column ${error.column}: ${firstLine(error.message)}` }],
    }
  }
  const problems: ConfigProblem[] = []
  // What the environment gives is taken as it is; only the file's own strings are interpolated.
  const overridden = new Set<string>()
  for (const key of source.overridable) {
    const value = source.env[`TWINLOCK_${key.replaceAll('.', '_').toUpperCase()}`]
    if (value === undefined) continue
    setPath(document as Record<string, unknown>, key.split('.'), value)
    overridden.add(key)
  }
  const interpolated = interpolateAll(document, '', { ...source, overridden }, problems)
  const unread = new Set(problems.map(({ path }) => path))
  const parsed = schema.safeParse(interpolated)
  if (!parsed.success)
    for (const issue of parsed.error.issues) {
      const path = issue.path.map(String).join('.')
      if (!unread.has(path)) problems.push(...toProblems(issue, path))
    }
  return problems.length === 0 && parsed.success ? { ok: true, value: parsed.data } : { ok: false, problems }
}

/** `  key: what is wrong`, one line each, under the file's name. */
export function formatConfigProblems(file: string, problems: readonly ConfigProblem[]): string {
  const lines = problems.map(({ path, message }) => (path ? `  ${path}: ${message}` : `  ${message}`))
  return [`${file} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:`, ...lines].join('\n')
}

const NOT_A_REFERENCE = `only \${VAR}, \${VAR:-default} and \${file:/path} are replaced; write $\${ for a literal \${`

/** Replaces `${VAR}`, `${VAR:-default}` and `${file:/path}` in one string; `$${` stands for a literal `${`. What was put in is not read again. */
export function interpolate(text: string, source: Pick<ConfigSource, 'env' | 'readFile'>): string {
  return text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (_, expression: string | undefined, end: string) => {
    if (expression === undefined) return '${'
    // The text may be part of a secret: what is wrong is told without it.
    if (end === '') throw new Error('a ${ is not closed; write $${ for a literal ${')
    if (expression.startsWith('file:')) {
      const path = expression.slice('file:'.length)
      try {
        return source.readFile(path).replace(/\r?\n$/, '')
      } catch (error) {
        throw new Error(`cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
      }
    }
    const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(expression) ?? []
    if (name === undefined) throw new Error(NOT_A_REFERENCE)
    const value = Object.hasOwn(source.env, name) ? source.env[name] : undefined
    if (value !== undefined && value !== '') return value
    if (fallback !== undefined) return fallback
    throw new Error(`the environment variable ${name} is not set`)
  })
}

function interpolateAll(
  value: unknown,
  path: string,
  source: ConfigSource & { overridden: ReadonlySet<string> },
  problems: ConfigProblem[],
): unknown {
  if (typeof value === 'string') {
    if (source.overridden.has(path)) return value
    try {
      return interpolate(value, source)
    } catch (error) {
      problems.push({ path, message: (error as Error).message })
      return value
    }
  }
  const at = (key: string | number) => (path ? `${path}.${key}` : String(key))
  if (Array.isArray(value)) return value.map((member, i) => interpolateAll(member, at(i), source, problems))
  if (value !== null && typeof value === 'object' && !(value instanceof Date))
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, interpolateAll(member, at(key), source, problems)]),
    )
  return value
}

function toProblems(issue: z.core.$ZodIssue, path: string): ConfigProblem[] {
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
  return issue.keys.map((key) => ({ path: path ? `${path}.${key}` : key, message: 'there is no such key' }))
}

function setPath(document: Record<string, unknown>, [key, ...rest]: string[], value: string): void {
  if (key === undefined) return
  if (rest.length === 0) {
    document[key] = value
    return
  }
  const next = document[key]
  const inner =
    next !== null && typeof next === 'object' && !Array.isArray(next) ? (next as Record<string, unknown>) : {}
  document[key] = inner
  setPath(inner, rest, value)
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/^Invalid TOML document: /, '')
}
