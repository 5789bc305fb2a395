import { existsSync, statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import type { OperationName } from '@twinlock/contract'
import type { ListenAddress, ServerConfig } from '../config.ts'
import { configuredTargets, targetText } from '../policies/targets.ts'
import { mostSpecific } from '../policies/workflow.ts'
import { readSecretFile } from '../secret-files.ts'
import { parseKey } from '../signing-key.ts'
import { findDirProblem } from '../state-dir.ts'
import type { Command, Configured, Host } from './command.ts'

export const check: Command = {
  name: 'check',
  summary: 'say what is wrong with the configuration and the host, and start nothing',
  example: 'twinlock-server check --config twinlock-server.toml',
  run: checkServer,
}

interface Finding {
  /** A problem keeps the server from starting or from serving; a warning is for somebody to know. */
  readonly kind: 'problem' | 'warning'
  readonly key: string
  readonly message: string
}

const problem = (key: string, message: string): Finding => ({ kind: 'problem', key, message })
const warning = (key: string, message: string): Finding => ({ kind: 'warning', key, message })

/** Reads and tries; creates nothing. */
async function checkServer(host: Host, configured: Configured): Promise<number> {
  const { config, file } = configured
  const findings = [
    ...checkFolder('state_dir', config.stateDir, host.uid),
    ...(existsSync(config.results.dir) ? checkFolder('results.dir', config.results.dir, host.uid) : []),
    ...checkSecrets(configured),
    ...(await checkAddress('listen', config.listen)),
    ...(config.metricsListen ? await checkAddress('metrics_listen', config.metricsListen) : []),
    ...checkExposure(config),
    ...checkRules(config),
    ...checkDisk(config),
    ...checkClock(config),
  ]
  for (const { kind, key, message } of findings) host.print(`${kind.padEnd(7)}  ${key}: ${message}\n`)
  const problems = findings.filter(({ kind }) => kind === 'problem').length
  host.print(`${file}: ${count(problems, 'problem')}, ${count(findings.length - problems, 'warning')}\n`)
  return problems === 0 ? 0 : 1
}

function count(n: number, what: string): string {
  return n === 1 ? `1 ${what}` : `${n === 0 ? 'no' : n} ${what}s`
}

function checkFolder(key: string, folder: string, uid: number | undefined): Finding[] {
  try {
    if (existsSync(folder)) {
      const found = findDirProblem(folder, uid)
      return found === undefined ? [] : [problem(key, found)]
    }
    const parent = existingParent(folder)
    const stat = statSync(parent)
    const isWritable = uid === undefined || uid === 0 || stat.uid === uid || (stat.mode & 0o022) !== 0
    if (isWritable) return [warning(key, `${folder} does not exist; the first start makes it`)]
    return [problem(key, `${folder} does not exist and cannot be made in ${parent}; make it, for the server's account`)]
  } catch (error) {
    return [problem(key, (error as Error).message)]
  }
}

function existingParent(folder: string): string {
  let parent = resolve(folder)
  while (!existsSync(parent)) parent = dirname(parent)
  return parent
}

function checkSecrets({ config, secrets }: Configured): Finding[] {
  const readOrTell = (key: string, read: () => void): Finding[] => {
    try {
      read()
      return []
    } catch (error) {
      return [problem(key, (error as Error).message)]
    }
  }
  const keyFile = join(config.stateDir, 'signing-key.pem')
  const { signingKeyPem } = secrets
  return [
    ...readOrTell('signing_key', () => {
      if (signingKeyPem !== undefined) parseKey(signingKeyPem, 'signing_key')
      else {
        const stored = readSecretFile(keyFile)
        if (stored !== undefined) parseKey(stored, keyFile)
      }
    }),
    ...['admin-token', 'agent-token'].flatMap((name) =>
      readOrTell('state_dir', () => readSecretFile(join(config.stateDir, name))),
    ),
  ]
}

/** Free, or held by a Twinlock server, which may well be this one. */
async function checkAddress(key: string, { host, port }: ListenAddress): Promise<Finding[]> {
  const code = await tryToListen(host, port)
  if (code === undefined) return []
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (code === 'EADDRINUSE')
    return (await isTwinlock(address))
      ? []
      : [problem(key, `${address} is in use by something else; stop it, or change ${key}`)]
  if (code === 'EACCES') return [problem(key, `this account may not listen on ${address}; take a port above 1023`)]
  return [problem(key, `cannot listen on ${address} (${code}); name an address of this host`)]
}

function tryToListen(host: string, port: number): Promise<string | undefined> {
  const { promise, resolve: tell } = Promise.withResolvers<string | undefined>()
  const probe = createServer()
  probe.once('error', (error: NodeJS.ErrnoException) => tell(error.code ?? 'unknown error'))
  probe.listen(port, host, () => probe.close(() => tell(undefined)))
  return promise
}

async function isTwinlock(address: string): Promise<boolean> {
  // Where it listens on every address it answers on the loopback one.
  const reachable = address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:')
  const answers = async (path: string, pattern: RegExp) => {
    const answer = await fetch(`http://${reachable}${path}`, { signal: AbortSignal.timeout(3000), redirect: 'error' })
    return answer.ok && pattern.test((await answer.text()).slice(0, 1_000_000))
  }
  try {
    return (await answers('/health', /^\{"status":"ok"\}$/)) || (await answers('/metrics', /^twinlock_build_info\{/m))
  } catch {
    return false
  }
}

function checkExposure(config: ServerConfig): Finding[] {
  const findings: Finding[] = []
  if (!isLoopback(config.listen.host))
    findings.push(
      warning('listen', `${config.listen.host} is served as plain HTTP; let a proxy that ends TLS stand before it`),
    )
  if (config.metricsListen && !isLoopback(config.metricsListen.host))
    findings.push(warning('metrics_listen', 'metrics need no token; whoever reaches this address reads them'))
  return findings
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/** `privileged` and `unparsed` are left out on purpose more often than not. */
const USUAL = ['select', 'dml', 'ddl'] as const satisfies readonly OperationName[]

function checkRules(config: ServerConfig): Finding[] {
  if (config.databases.length === 0) return [warning('databases', 'there are none, so every request is denied')]
  return configuredTargets(config).flatMap((target) => {
    const uncovered = USUAL.filter((operation) => mostSpecific(config.workflows, target, operation) === 'none')
    if (uncovered.length === 0) return []
    return [warning('workflows', `none covers ${uncovered.join(', ')} on ${targetText(target)}: denied`)]
  })
}

function checkDisk({ stateDir, results }: ServerConfig): Finding[] {
  const freeOf = (folder: string) => {
    const { bavail, bsize } = statfsSync(existingParent(folder))
    return bavail * bsize
  }
  const free = freeOf(results.dir)
  const findings: Finding[] = []
  if (freeOf(stateDir) < results.reserve)
    findings.push(warning('state_dir', `its disk has ${mebibytes(freeOf(stateDir))} free, less than results.reserve`))
  if (free < results.reserve)
    findings.push(warning('results.dir', `its disk has ${mebibytes(free)} free: results are refused`))
  else if (free < results.quota)
    findings.push(warning('results.quota', `the disk has ${mebibytes(free)} free, less than the quota`))
  return findings
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)} MiB`
}

/** Tokens and leases are about time: a clock behind what was written before it is wrong. */
function checkClock({ stateDir }: ServerConfig): Finding[] {
  const written = ['twinlock.db', 'twinlock.db-wal']
    .map((name) => join(stateDir, name))
    .filter((file) => existsSync(file))
    .map((file) => statSync(file).mtimeMs)
  if (written.every((time) => time < Date.now() + 60_000)) return []
  return [problem('clock', 'the state was written later than now; set the clock (NTP)')]
}
