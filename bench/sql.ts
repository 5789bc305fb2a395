import { createAnalyzer } from '@twinlock/sql'
import { type Benchmark, timeEach } from './measure.ts'

const STATEMENTS = [
  'select 1',
  "select o.id, c.name from orders o join customers c on c.id = o.customer_id where o.status = 'open' order by o.placed_at limit 50",
  "update orders set status = 'shipped' where id = 4711",
  "with late as (select id from orders where placed_at < now() - interval '7 days') delete from orders using late where orders.id = late.id",
  "create table t (id bigint primary key, note text not null default '', at timestamptz default now())",
]

export const sql: Benchmark = {
  name: 'sql',
  what: 'statements split, parsed and classified a second; hostile text answered in time',
  async run({ smoke }) {
    await using analyzer = createAnalyzer({ dialect: 'postgresql' })
    await analyzer.analyze('select 1')
    const count = smoke ? 100 : 5000
    const [ms = Number.NaN] = await timeEach(1, async () => {
      for (let i = 0; i < count; i++) await analyzer.analyze(STATEMENTS[i % STATEMENTS.length] ?? '')
    })
    const [megabyte = Number.NaN] = await timeEach(1, () => analyzer.analyze(`select '${'x'.repeat(1_000_000)}'`))
    const [nested = Number.NaN] = await timeEach(1, () =>
      analyzer.analyze(`select ${'('.repeat(10_000)}1${')'.repeat(10_000)}`),
    )
    return [
      { name: 'statements a second', value: (count / ms) * 1000, unit: '/s' },
      { name: 'a statement of 1 MB', value: megabyte, unit: 'ms', budget: { at: 'most', value: 1000 } },
      { name: '10,000 nested parentheses', value: nested, unit: 'ms', budget: { at: 'most', value: 1000 } },
    ]
  },
}
