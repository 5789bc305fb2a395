/** One figure beside its budget. `budget` undefined: printed for information. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly budget?: { readonly at: 'most' | 'least'; readonly value: number }
}

/** A benchmark: sets up what it needs, measures, and takes it down again. Smaller when `smoke` is set, larger when `large` is. */
export interface Benchmark {
  readonly name: string
  readonly what: string
  run(options: { readonly smoke: boolean; readonly large: boolean }): Promise<Figure[]>
}

export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Milliseconds that each of `count` runs took, one after another. */
export async function timeEach(count: number, work: (i: number) => Promise<unknown>): Promise<number[]> {
  const samples: number[] = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    await work(i)
    samples.push(performance.now() - start)
  }
  return samples
}

export function meets({ value, budget }: Figure): boolean {
  return budget === undefined || (budget.at === 'most' ? value <= budget.value : value >= budget.value)
}
