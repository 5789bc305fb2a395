import { parseArgs } from 'node:util'
import { cancel } from './cancel.ts'
import { chain } from './chain.ts'
import { latency } from './latency.ts'
import { type Figure, meets } from './measure.ts'
import { sql } from './sql.ts'
import { startup } from './startup.ts'
import { stream } from './stream.ts'
import { throughput } from './throughput.ts'

const BENCHMARKS = [latency, throughput, cancel, stream, sql, chain, startup]

process.exitCode = await main()

/**
 * `npm run bench`, `npm run bench -- latency`, `npm run bench -- --smoke`: small, and without budgets;
 * `npm run bench -- stream --large`: up to the sizes that take minutes.
 */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { smoke: { type: 'boolean', default: false }, large: { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const unknown = positionals.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name))
  if (unknown) {
    process.stderr.write(
      `there is no benchmark ${unknown}; there are ${BENCHMARKS.map(({ name }) => name).join(', ')}\n`,
    )
    return 2
  }
  let missed = 0
  for (const benchmark of BENCHMARKS) {
    if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue
    process.stdout.write(`\n${benchmark.name}: ${benchmark.what}\n`)
    for (const figure of await benchmark.run(values)) {
      if (!values.smoke && !meets(figure)) missed++
      process.stdout.write(`${describe(figure, values.smoke)}\n`)
    }
  }
  if (missed > 0)
    process.stderr.write(`\n${missed} ${missed === 1 ? 'figure misses its' : 'figures miss their'} budget\n`)
  return missed > 0 ? 1 : 0
}

function describe(figure: Figure, smoke: boolean): string {
  const value = figure.value.toLocaleString('en-US', { maximumFractionDigits: figure.value < 100 ? 2 : 0 })
  const text = `  ${figure.name.padEnd(28)}${`${value} ${figure.unit}`.padStart(16)}`
  if (!figure.budget || smoke) return text
  const { at, value: budget } = figure.budget
  return `${text}   ${meets(figure) ? 'meets' : 'MISSES'} ${at === 'most' ? '<=' : '>='} ${budget} ${figure.unit}`
}
