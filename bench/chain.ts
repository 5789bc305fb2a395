import { type AuditRecord, appendRecord, EMPTY_CHAIN, verifyChain } from '@twinlock/evidence'
import { type Benchmark, timeEach } from './measure.ts'

/** The audit chain alone, without a disk. The budget for verifying is the whole log's, which a later tree shares. */
export const chain: Benchmark = {
  name: 'chain',
  what: 'audit records appended and verified a second, on one thread',
  async run({ smoke }) {
    const count = smoke ? 1000 : 50_000
    const records: AuditRecord[] = []
    const salt = 'ab'.repeat(32)
    const [append = Number.NaN] = await timeEach(1, async () => {
      for (let i = 0; i < count; i++) {
        const body = {
          v: 1 as const,
          id: `evt_${i}`,
          type: 'execution.succeeded',
          at: '2026-01-01T00:00:00.000Z',
          actor: { type: 'agent' as const, id: 'prod-1' },
          subject: { type: 'execution', id: `exe_${i}` },
          data: { effect: 'committed', affected_rows: [1], duration_ms: 12 },
        }
        records.push(appendRecord(records.at(-1) ?? EMPTY_CHAIN, body, salt))
      }
    })
    const [verify = Number.NaN] = await timeEach(1, () => verifyChain(records))
    return [
      { name: 'appended', value: (count / append) * 1000, unit: '/s' },
      { name: 'verified', value: (count / verify) * 1000, unit: '/s' },
    ]
  },
}
