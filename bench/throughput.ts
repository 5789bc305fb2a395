import { readResult, submit } from '@twinlock/testing'
import { type Benchmark, timeEach } from './measure.ts'
import { setTheStage } from './stage.ts'

const CLIENTS = 32

/** Many clients at once, each statement with all its audit records durable. */
export const throughput: Benchmark = {
  name: 'throughput',
  what: `auto-approved statements a second, ${CLIENTS} clients, one server, one agent`,
  async run({ smoke }) {
    await using stage = await setTheStage()
    const each = smoke ? 2 : 60
    const client = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const request = await submit(stage.alice.client, 'select 1', 'app/development', { start: 'on_approval' })
        await readResult(stage.alice.client, request.latest_execution?.id ?? '')
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, () => client(smoke ? 1 : 10)))
    const before = stage.cpuMs()
    const [ms = Number.NaN] = await timeEach(1, () => Promise.all(Array.from({ length: CLIENTS }, () => client(each))))
    const after = stage.cpuMs()
    const total = CLIENTS * each
    return [
      { name: 'statements a second', value: (total / ms) * 1000, unit: '/s', budget: { at: 'least', value: 200 } },
      { name: 'server CPU a statement', value: (after.server - before.server) / total, unit: 'ms' },
      { name: 'agent CPU a statement', value: (after.agent - before.agent) / total, unit: 'ms' },
    ]
  },
}
