import type { Sink } from '../io.ts'
import { jsonText } from './json-text.ts'
import type { ResultWriter } from './result-writer.ts'

/** One JSON object a row. */
export function createJsonlWriter(stdout: Sink): ResultWriter {
  let keys: readonly string[] = []
  return {
    async header(columns) {
      keys = distinctKeys(columns.map(({ name }) => name))
    },
    async rows(rows) {
      // Not an object literal: keys like 1 would move to the front, and __proto__ would vanish.
      const lines = rows.map(
        (row) => `{${keys.map((key, i) => `${jsonText(key)}:${jsonText(row[i] ?? null)}`).join(',')}}\n`,
      )
      await stdout.write(lines.join(''))
    },
    async end() {},
  }
}

/** Columns of the same name keep their values apart: `id`, `id_2`. */
export function distinctKeys(names: readonly string[]): string[] {
  const taken = new Set(names)
  const seen = new Set<string>()
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name)
      return name
    }
    let n = 2
    while (taken.has(`${name}_${n}`) || seen.has(`${name}_${n}`)) n++
    seen.add(`${name}_${n}`)
    return `${name}_${n}`
  })
}
