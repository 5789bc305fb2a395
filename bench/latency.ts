import { readResult, submit } from '@twinlock/testing'
import { type Benchmark, percentile, timeEach } from './measure.ts'
import { setTheStage } from './stage.ts'

/** One client, one statement after another: what Twinlock adds to a query. */
export const latency: Benchmark = {
  name: 'latency',
  what: 'submit to result of an auto-approved SELECT 1, beside the same query sent directly',
  async run({ smoke }) {
    await using stage = await setTheStage()
    const governed = async () => {
      const request = await submit(stage.alice.client, 'select 1', 'app/development', { start: 'on_approval' })
      const [statement] = await readResult(stage.alice.client, request.latest_execution?.id ?? '')
      if (statement?.trailer?.row_count !== 1) throw new Error('the result is not the one row it should be')
    }
    const count = smoke ? 20 : 500
    // Servers and agents live long: what counts is their speed once the engine has optimised what runs often.
    await timeEach(smoke ? 5 : 1500, governed)
    const samples = await timeEach(count, governed)
    const direct = await timeEach(count, () => stage.direct.query('select 1'))
    const [p50, p99] = [percentile(samples, 0.5), percentile(samples, 0.99)]
    const [direct50, direct99] = [percentile(direct, 0.5), percentile(direct, 0.99)]
    return [
      { name: 'direct p50', value: direct50, unit: 'ms' },
      { name: 'direct p99', value: direct99, unit: 'ms' },
      { name: 'Twinlock p50', value: p50, unit: 'ms' },
      { name: 'Twinlock p99', value: p99, unit: 'ms' },
      { name: 'ratio p50', value: p50 / direct50, unit: 'x' },
      { name: 'added p50', value: p50 - direct50, unit: 'ms', budget: { at: 'most', value: 10 } },
      { name: 'added p99', value: p99 - direct99, unit: 'ms', budget: { at: 'most', value: 40 } },
    ]
  },
}
