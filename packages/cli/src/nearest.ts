/** What the nearest word stands for, when it is near enough to be meant. */
export function nearest(word: string, candidates: ReadonlyMap<string, string>): string | undefined {
  let best: { readonly distance: number; readonly value: string } | undefined
  for (const [candidate, value] of candidates) {
    const distance = editDistance(word, candidate)
    if (
      distance <= Math.max(1, Math.floor(candidate.length / 2)) &&
      distance < (best?.distance ?? Number.POSITIVE_INFINITY)
    )
      best = { distance, value }
  }
  return best?.value
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      row.push(least)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}
