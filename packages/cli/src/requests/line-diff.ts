type Change = { readonly mark: ' ' | '-' | '+'; readonly line: string }

/** Beyond that many pairs of lines no better than everything out, everything in. */
const MAX_PAIRS = 4_000_000

/** The lines of both texts by longest common subsequence: what went, what came, and what stayed. */
export function diffLines(before: readonly string[], after: readonly string[]): Change[] {
  const head = commonPrefix(before, after)
  const tail = commonPrefix(before.slice(head).toReversed(), after.slice(head).toReversed())
  const same = (lines: readonly string[]): Change[] => lines.map((line) => ({ mark: ' ', line }))
  return [
    ...same(before.slice(0, head)),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...same(before.slice(before.length - tail)),
  ]
}

/** The changes with `around` lines before and after each; where lines are left out stands undefined. */
export function shortened(changes: readonly Change[], around: number): (Change | undefined)[] {
  const near = changes.map((_, i) =>
    changes.slice(Math.max(i - around, 0), i + around + 1).some(({ mark }) => mark !== ' '),
  )
  return changes.flatMap((change, i) => (near[i] ? [change] : near[i - 1] || i === 0 ? [undefined] : []))
}

function commonPrefix(a: readonly string[], b: readonly string[]): number {
  const end = Math.min(a.length, b.length)
  let i = 0
  while (i < end && a[i] === b[i]) i++
  return i
}

function middle(before: readonly string[], after: readonly string[]): Change[] {
  const out = before.map((line): Change => ({ mark: '-', line }))
  const added = after.map((line): Change => ({ mark: '+', line }))
  if (before.length === 0 || after.length === 0 || before.length * after.length > MAX_PAIRS) return [...out, ...added]
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1))
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const row = lengths[i]
      if (row) row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  const changes: Change[] = []
  let [i, j] = [0, 0]
  while (i < before.length && j < after.length) {
    const [line = '', other = ''] = [before[i], after[j]]
    if (line === other) {
      changes.push({ mark: ' ', line })
      i++
      j++
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      changes.push({ mark: '-', line })
      i++
    } else {
      changes.push({ mark: '+', line: other })
      j++
    }
  }
  return [...changes, ...out.slice(i), ...added.slice(j)]
}
