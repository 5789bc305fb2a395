import { type ChainHead, EMPTY_CHAIN, verifyRecord } from '@twinlock/evidence'
import { splitLines } from '../results/split-lines.ts'

export type LogVerdict =
  | { readonly ok: true; readonly head: ChainHead }
  | {
      readonly ok: false
      readonly at: number
      readonly why: string
      readonly kind: 'broken' | 'rewritten' | 'shortened'
    }

/** Checks an exported log from its first record on, and against an end that was verified earlier. */
export async function verifyLog(bytes: AsyncIterable<Uint8Array>, known?: ChainHead): Promise<LogVerdict> {
  let head = EMPTY_CHAIN
  for await (const line of splitLines(bytes)) {
    const verdict = verifyRecord(head, parseLine(line))
    if (!verdict.ok) return { ...verdict, kind: 'broken' }
    head = verdict.head
    if (known && head.seq === known.seq && head.hash !== known.hash)
      return {
        ok: false,
        at: head.seq,
        kind: 'rewritten',
        why: 'it, or a record before it, is not the one that was verified before',
      }
  }
  if (known && head.seq < known.seq)
    return {
      ok: false,
      at: head.seq + 1,
      kind: 'shortened',
      why: `the log ends before it; it was verified up to record ${known.seq} before`,
    }
  return { ok: true, head }
}

/** What is not JSON is a record without form to the verifier. */
function parseLine(line: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line))
  } catch {
    return undefined
  }
}
