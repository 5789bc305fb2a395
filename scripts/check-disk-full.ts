// A full disk for real, as root on Linux: the state on a small tmpfs that is filled to the last byte, and emptied again.
// node --conditions=twinlock-source scripts/check-disk-full.ts
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { isAppError } from '@twinlock/contract'
import { verifyChain } from '@twinlock/evidence'
import { DEFAULT_CONFIG, readAuditRecords, startServerProcess, submit } from '@twinlock/testing'

const mount = mkdtempSync(join(tmpdir(), 'twinlock-disk-full-'))
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=0700', 'tmpfs', mount])
try {
  const stateDir = join(mount, 'state')
  mkdirSync(stateDir, { mode: 0o700 })
  await using server = await startServerProcess({
    stateDir,
    config: `${DEFAULT_CONFIG}\n[results]\nreserve = "1MiB"\n`,
  })
  const statusOf = async (path: string) => (await fetch(server.url + path)).status
  const ask = () => submit(server.admin.client, `select '${'x'.repeat(50_000)}'`, 'app/production')
  await ask()
  assert.deepEqual([await statusOf('/ready'), await statusOf('/health')], [200, 200])

  const ballast = join(mount, 'ballast')
  writeFileSync(ballast, '')
  for (const size of [1 << 20, 1 << 12])
    while (
      await appendFile(ballast, Buffer.alloc(size)).then(
        () => true,
        () => false,
      )
    );
  const refused: PromiseSettledResult<unknown>[] = []
  for (let n = 0; n < 100; n++) refused.push(...(await Promise.allSettled([ask()])))
  const codes = new Set(refused.map((one) => (one.status === 'rejected' ? one.reason.code : 'stored')))
  assert.ok(codes.has('storage_full'), `what was answered: ${[...codes]}`)
  assert.ok(
    refused.every((one) => one.status === 'fulfilled' || isAppError(one.reason, 'storage_full')),
    `${[...codes]}`,
  )
  assert.deepEqual([await statusOf('/ready'), await statusOf('/health')], [503, 200])
  process.stdout.write(
    `full: ${refused.filter(({ status }) => status === 'rejected').length} of 100 refused with storage_full\n`,
  )

  rmSync(ballast)
  for (let n = 0; (await statusOf('/ready')) !== 200; n++) {
    assert.ok(n < 100, 'the server did not become ready again')
    await setTimeout(100)
  }
  await ask()
  assert.equal((await verifyChain(await readAuditRecords(server))).ok, true)
  process.stdout.write('room again: ready, a request is stored, the audit log is whole\n')
} finally {
  execFileSync('umount', [mount])
  rmSync(mount, { recursive: true })
}
