import type { TransportOptions } from './transport.ts'

interface TransportProblem {
  readonly why: string
  /** In place of the usual one. */
  readonly hint?: string
}

const UNTRUSTED: readonly string[] = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
]

/** What a failure on the way to the server means, and what to do. Never a credential: a proxy's URL may hold one. */
export function explainTransportFailure(error: unknown, url: URL, options: TransportOptions = {}): TransportProblem {
  const cause = rootOf(error)
  const { code } = cause as NodeJS.ErrnoException
  if (UNTRUSTED.includes(code ?? ''))
    return options.ca === undefined
      ? {
          why: `its certificate is signed by nobody this machine trusts (${code})`,
          hint: 'If a private authority signed it, name its certificate: ca_file in the configuration, or TWINLOCK_CA_FILE.',
        }
      : {
          why: `its certificate is not signed by an authority in ca_file (${code})`,
          hint: 'With a ca_file, those in it alone are trusted. Name the right one, or leave it out for a public certificate.',
        }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return {
      why: `its certificate ${code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'}`,
      hint: 'It must be renewed on the server. If it is current, check the clock of this machine.',
    }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return {
      why: `its certificate is for another name than ${url.hostname}`,
      hint: 'Use the name that the certificate is for; twinlock never leaves that check out.',
    }
  if (code === 'ERR_PROXY_TUNNEL') return proxyProblem(cause, url, options)
  if (code === 'EPROTO')
    return { why: 'it does not speak TLS', hint: 'Check the port, and whether it is https:// at all.' }
  return { why: cause instanceof Error ? cause.message : 'unknown reason' }
}

function proxyProblem(cause: unknown, url: URL, { proxy }: TransportOptions): TransportProblem {
  const { statusCode } = cause as { statusCode?: number }
  const answered = statusCode === undefined ? 'did not make the connection' : `answered ${statusCode}`
  return {
    why: `the proxy ${URL.parse(proxy?.url ?? '')?.host ?? ''} ${answered}`,
    hint:
      statusCode === 407
        ? 'It wants a name and password: HTTPS_PROXY=http://name:password@proxy:3128'
        : `Check HTTPS_PROXY; for a server that is reached without it: NO_PROXY=${url.hostname}`,
  }
}

function rootOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0]
  return error
}
