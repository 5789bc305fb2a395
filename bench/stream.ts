import { readFileSync, writeFileSync } from 'node:fs'
import { api } from '@twinlock/contract'
import { submit } from '@twinlock/testing'
import type { Benchmark, Figure } from './measure.ts'
import { type BenchStage, setTheStage } from './stage.ts'

const MB = 1_000_000
const ROW_BYTES = 1_000

const CONFIG = `
[[databases]]
name = "app"
environments = ["development"]
dialect = "postgresql"

[[workflows]]
database = "app"
environment = "development"
auto_approve = "always"
[workflows.limits]
statement_timeout = "30m"
max_rows = 1000000000
max_result_bytes = "16GiB"
max_field_bytes = "16MiB"
`

/** One large result on its way from the database to a client that reads it as it comes. */
export const stream: Benchmark = {
  name: 'stream',
  what: 'one large result, database to client, and the memory that takes (5 GB with --large)',
  async run({ smoke, large }) {
    await using stage = await setTheStage({ config: CONFIG })
    await readThrough(stage, MB)
    const sizes = smoke ? [5 * MB, 20 * MB] : large ? [50 * MB, 1_000 * MB, 5_000 * MB] : [50 * MB, 1_000 * MB]
    const runs: ({ name: string } & Awaited<ReturnType<typeof measure>>)[] = []
    for (const size of sizes) runs.push({ name: inWords(size), ...(await measure(stage, size)) })
    const [first, last] = [runs.at(0), runs.at(-1)]
    if (!first || !last) throw new Error('nothing was measured')
    return [
      ...runs.flatMap(({ name, rate, server, agent, serverCpu, agentCpu }): Figure[] => [
        { name: `${name}: rate`, value: rate, unit: 'MB/s', budget: { at: 'least', value: 50 } },
        { name: `${name}: server CPU a MB`, value: serverCpu, unit: 'ms' },
        { name: `${name}: agent CPU a MB`, value: agentCpu, unit: 'ms' },
        { name: `${name}: server peak`, value: server, unit: 'MB', budget: { at: 'most', value: 400 } },
        { name: `${name}: agent peak`, value: agent, unit: 'MB', budget: { at: 'most', value: 400 } },
      ]),
      { name: 'server growth', value: last.server - first.server, unit: 'MB', budget: { at: 'most', value: 64 } },
      { name: 'agent growth', value: last.agent - first.agent, unit: 'MB', budget: { at: 'most', value: 64 } },
    ]
  },
}

async function measure(stage: BenchStage, size: number) {
  for (const { pid } of [stage.server.process, stage.agent.process]) resetPeak(pid)
  const cpu = stage.cpuMs()
  const startedAt = performance.now()
  const bytes = await readThrough(stage, size)
  const seconds = (performance.now() - startedAt) / 1000
  const cpuAfter = stage.cpuMs()
  return {
    rate: bytes / MB / seconds,
    serverCpu: (cpuAfter.server - cpu.server) / (bytes / MB),
    agentCpu: (cpuAfter.agent - cpu.agent) / (bytes / MB),
    server: peakOf(stage.server.process.pid),
    agent: peakOf(stage.agent.process.pid),
  }
}

/** The bytes that arrived, down to the trailer. */
async function readThrough(stage: BenchStage, size: number): Promise<number> {
  const sql = `select n, repeat('x', ${ROW_BYTES - 10}) as pad from generate_series(1, ${size / ROW_BYTES}) n`
  const request = await submit(stage.alice.client, sql, 'app/development', { start: 'on_approval' })
  const id = request.latest_execution?.id ?? ''
  let bytes = 0
  let end = Buffer.alloc(0)
  for await (const part of await stage.alice.client.stream(api.executions.result, { params: { id } })) {
    bytes += part.length
    end = Buffer.concat([end, part.subarray(-500)]).subarray(-500)
  }
  if (!end.includes(`"row_count":${size / ROW_BYTES},`)) throw new Error('the result has no trailer')
  return bytes
}

function inWords(size: number): string {
  return size >= 1_000 * MB ? `${size / MB / 1_000} GB` : `${size / MB} MB`
}

/** Resident memory at its highest, in MB, from /proc, where there is one; NaN elsewhere. */
function peakOf(pid: number): number {
  try {
    return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024) / MB
  } catch {
    return Number.NaN
  }
}

function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // Then the peak is that of the process's whole life, which is no smaller.
  }
}
