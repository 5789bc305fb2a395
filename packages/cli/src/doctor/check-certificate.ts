import { connect, type PeerCertificate } from 'node:tls'
import { formatDuration } from '@twinlock/contract'
import type { TransportOptions } from '@twinlock/contract/transport'
import { type Finding, fine, problem } from './finding.ts'

const ENDS_SOON_MS = 14 * 86_400_000
const TIMEOUT_MS = 5000

/** When the server's certificate ends. Whether it is trusted is for the first call to find out. */
export async function checkCertificate(server: string, network: TransportOptions, now: number): Promise<Finding[]> {
  const url = new URL(server)
  if (url.protocol !== 'https:') return []
  if (network.proxy) return [fine('tls', 'the certificate is not looked at through a proxy')]
  const certificate = await readCertificate(url, network.ca)
  if (!certificate) return []
  const left = Date.parse(certificate.valid_to) - now
  const issuer = [certificate.issuer.O ?? certificate.issuer.CN].flat()[0] ?? 'an unnamed authority'
  const words = `certificate by ${issuer}${network.ca === undefined ? '' : ' (ca_file)'}, ends in ${formatDuration(Math.max(left, 0))}`
  if (left > ENDS_SOON_MS) return [fine('tls', words)]
  return [problem('tls', words, 'Have it renewed on the server: afterwards nobody gets in.')]
}

function readCertificate(url: URL, ca: string | undefined): Promise<PeerCertificate | undefined> {
  return new Promise((resolve) => {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const socket = connect(
      {
        host,
        port: Number(url.port) || 443,
        servername: /^[\d.:]+$/.test(host) ? '' : host,
        rejectUnauthorized: true,
        ...(ca ? { ca } : {}),
      },
      () => {
        resolve(socket.getPeerCertificate())
        socket.end()
      },
    )
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy())
    socket.on('error', () => resolve(undefined)).on('close', () => resolve(undefined))
  })
}
