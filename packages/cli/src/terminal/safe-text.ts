import { printable } from './printable.ts'

/**
 * Text that may be written to a terminal. The only way to make it is the `text` template, which passes whatever is put
 * into it through `printable`: nothing from a server or a database can be printed without.
 */
export interface SafeText {
  readonly safe: string
}

type Part = string | number | SafeText

export function text(strings: TemplateStringsArray, ...parts: readonly Part[]): SafeText {
  let out = strings[0] ?? ''
  parts.forEach((part, i) => {
    out += toSafe(part) + (strings[i + 1] ?? '')
  })
  return { safe: out }
}

export function joined(parts: readonly Part[], separator: string): SafeText {
  return { safe: parts.map(toSafe).join(separator) }
}

/** Lines that `printableLines` or `printableSql` made. */
export function indented(lines: readonly string[], first: string, rest: string): SafeText {
  return { safe: lines.map((line, i) => (i === 0 ? first : rest) + line).join('\n') }
}

export interface Palette {
  bold(part: Part): SafeText
  dim(part: Part): SafeText
  good(part: Part): SafeText
  bad(part: Part): SafeText
}

const SGR = { bold: ['1', '22'], dim: ['2', '22'], good: ['32', '39'], bad: ['31', '39'] } as const

export function createPalette(colour: boolean): Palette {
  const paint = (style: keyof typeof SGR) => (part: Part) => {
    const [on, off] = SGR[style]
    return { safe: colour ? `\u001b[${on}m${toSafe(part)}\u001b[${off}m` : toSafe(part) }
  }
  return { bold: paint('bold'), dim: paint('dim'), good: paint('good'), bad: paint('bad') }
}

function toSafe(part: Part): string {
  if (typeof part === 'string') return printable(part)
  return typeof part === 'number' ? String(part) : part.safe
}
