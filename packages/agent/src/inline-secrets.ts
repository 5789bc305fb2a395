import { readConfig } from '@twinlock/contract/config'
import { z } from 'zod'

const textsSchema = z.object({
  server: z.object({ token: z.unknown() }).partial().optional(),
  databases: z
    .record(z.string(), z.record(z.string(), z.object({ url: z.unknown(), url_read_only: z.unknown() }).partial()))
    .optional(),
})

/** Whether the text of a `twinlock-agent.toml` itself holds a token or a password: one that comes by reference does not. Pure. */
export function holdsInlineSecret(text: string): boolean {
  // Every ${ escaped, so that references are read as they are written.
  const escaped = text.replaceAll('${', () => '$${')
  const read = readConfig({ text: escaped, env: {}, readFile: () => '', overridable: [] }, textsSchema)
  // What cannot be taken apart is taken for the worse.
  if (!read.ok) return true
  const { server, databases = {} } = read.value
  const urls = Object.values(databases).flatMap((environments) =>
    Object.values(environments).flatMap(({ url, url_read_only }) => [url, url_read_only]),
  )
  return isToken(inlinePart(server?.token)) || urls.some((url) => hasPassword(inlinePart(url)))
}

/** The text without what references bring; a default is part of the text. */
function inlinePart(value: unknown): string {
  if (typeof value !== 'string') return ''
  return value.replace(/\$\$\{|\$\{([^}]*)\}/g, (_, reference: string | undefined) => {
    if (reference === undefined) return '${'
    return /^[A-Za-z_][A-Za-z0-9_]*:-(.*)$/s.exec(reference)?.[1] ?? ''
  })
}

function isToken(text: string): boolean {
  return /^twl_agent_[0-9a-f]/.test(text)
}

function hasPassword(url: string): boolean {
  const [, credentials = ''] = /^[^/?#]*\/\/([^/?#]*)@/.exec(url) ?? []
  return /:./s.test(credentials) || /[?&](?:ssl)?password=[^&#]/i.test(url)
}
