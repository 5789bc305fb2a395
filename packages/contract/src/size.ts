const UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const

/** Bytes of a size in writing: `512B`, `64KiB`, `100MiB`, `10GiB`; undefined when it is not one. `MB` is none: some mean 1000, some 1024. */
export function parseSize(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,15})(B|KiB|MiB|GiB|TiB)$/.exec(text) ?? []
  if (amount === undefined) return undefined
  const bytes = Number(amount) * UNITS[unit as keyof typeof UNITS]
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
