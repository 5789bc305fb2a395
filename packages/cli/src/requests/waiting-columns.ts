import type { RequestView } from '@twinlock/contract'
import type { RecordColumn } from '../results/print-records.ts'
import { relativeText } from '../terminal/time-text.ts'
import { targetOf } from './describe-request.ts'

/** What a list of waiting requests shows of each. */
export function waitingColumns(now: number): readonly RecordColumn<RequestView>[] {
  return [
    { name: 'number', type: 'integer', value: ({ number }) => number },
    { name: 'requester', value: ({ requester }) => requester },
    { name: 'target', value: targetOf },
    { name: 'operations', value: ({ operations }) => operations.join(',') },
    { name: 'asked', value: ({ created_at }) => relativeText(created_at, now) },
    { name: 'reason', value: ({ reason }) => reason ?? '' },
    { name: 'sql', value: firstLine },
  ]
}

/** The first line that says something, and whether there are more. */
export function firstLine({ sql }: Pick<RequestView, 'sql'>): string {
  const lines = sql.split(/\r?\n/).filter((line) => line.trim() !== '')
  return `${(lines[0] ?? '').trim()}${lines.length > 1 ? ' …' : ''}`
}
