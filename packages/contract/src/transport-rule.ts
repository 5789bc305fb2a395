import { BlockList, isIP } from 'node:net'

export type TransportVerdict = { readonly ok: true } | { readonly ok: false; readonly why: string }

const LOCAL = new BlockList()
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const)
  LOCAL.addSubnet(network, prefix, 'ipv4')
LOCAL.addAddress('::1', 'ipv6')
LOCAL.addSubnet('fc00::', 7, 'ipv6')
LOCAL.addSubnet('fe80::', 10, 'ipv6')

const CLUSTER_SUFFIXES = ['.localhost', '.internal', '.local', '.svc', '.cluster.local']

/**
 * Whether tokens and results may travel to this server. TLS always may; plain HTTP only to this machine, private and
 * link-local addresses and cluster-internal names, unless the user allows it.
 */
export function transportVerdict(url: string, options: { allowInsecure?: boolean } = {}): TransportVerdict {
  const parsed = URL.parse(url)
  if (!parsed)
    return {
      ok: false,
      // What stands before an @ may be a password.
      why: `${JSON.stringify(url.replace(/^.*@/s, ''))} is not a URL; it should look like https://twinlock.example.com`,
    }
  if (parsed.username || parsed.password)
    return { ok: false, why: 'the server URL holds a user name or password; give the token by itself' }
  if (parsed.protocol === 'https:') return { ok: true }
  if (parsed.protocol !== 'http:')
    return { ok: false, why: `${parsed.protocol}// is not a protocol Twinlock speaks; use https://` }
  if (options.allowInsecure || isLocalHost(parsed.hostname)) return { ok: true }
  return {
    ok: false,
    why: `plain http:// to ${parsed.hostname} would show tokens and results to the network; use https://, or set allow_insecure = true if you accept that`,
  }
}

function isLocalHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const family = isIP(host)
  // The family decides first: an IPv6 literal has no dot and would pass for a cluster-internal name.
  if (family === 4) return LOCAL.check(host, 'ipv4')
  if (family === 6) return LOCAL.check(host, 'ipv6')
  const isAbsolute = host.endsWith('.')
  const name = isAbsolute ? host.slice(0, -1) : host
  if (name === 'localhost') return true
  const labels = name.split('.')
  if (labels.includes('')) return false
  // `db` is looked up in the cluster's search list; `db.` is a top-level domain.
  if (labels.length === 1) return !isAbsolute
  return CLUSTER_SUFFIXES.some((suffix) => name.endsWith(suffix))
}
