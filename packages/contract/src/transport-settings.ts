import { X509Certificate } from 'node:crypto'
import type { ProxySettings } from './transport.ts'

type Setting<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string }

type Env = Readonly<Record<string, string | undefined>>

/** Certificates of authorities, PEM. A file that names none would leave nothing to trust, and is told so at once. */
export function readCertificates(path: string, readFile: (path: string) => string): Setting<string> {
  let text: string
  try {
    text = readFile(path)
  } catch (error) {
    return { ok: false, why: `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})` }
  }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? []
  if (blocks.length === 0)
    return { ok: false, why: `${path} holds no certificate; it must be PEM, with BEGIN CERTIFICATE lines` }
  const damaged = blocks.findIndex((block) => !isCertificate(block))
  if (damaged >= 0) return { ok: false, why: `certificate ${damaged + 1} in ${path} is damaged` }
  return { ok: true, value: `${blocks.join('\n')}\n` }
}

function isCertificate(block: string): boolean {
  try {
    return new X509Certificate(block).subject !== undefined
  } catch {
    return false
  }
}

/** The proxy that the environment names for TLS; the lower-case spelling counts first, as everywhere. Undefined when there is none. */
export function readProxy(env: Env): Setting<ProxySettings | undefined> {
  const name = env.https_proxy ? 'https_proxy' : 'HTTPS_PROXY'
  const text = env[name]
  if (!text) return { ok: true, value: undefined }
  const url = URL.parse(text)
  // Its value may hold a password, and is not repeated.
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    return { ok: false, why: `${name} is not the URL of a proxy; it should look like http://proxy.example.com:3128` }
  const except = env.no_proxy || env.NO_PROXY
  return { ok: true, value: { url: url.href, ...(except ? { except } : {}) } }
}
