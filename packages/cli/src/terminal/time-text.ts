import { formatDuration } from '@twinlock/contract'
import { type SafeText, text } from './safe-text.ts'

/** `18:40:11 UTC`, with the date when it is not today's. UTC, so that two people read the same. */
export function timeText(iso: string, now: number): string {
  const time = new Date(iso).toISOString()
  const [day, clock] = [time.slice(0, 10), time.slice(11, 19)]
  return day === new Date(now).toISOString().slice(0, 10) ? `${clock} UTC` : `${day} ${clock} UTC`
}

/** `2 min 5 s ago`, `in 12 d`; `now` within a second. */
export function relativeText(iso: string, now: number): string {
  const distance = Date.parse(iso) - now
  if (Math.abs(distance) < 1000) return 'now'
  return distance < 0 ? `${formatDuration(-distance)} ago` : `in ${formatDuration(distance)}`
}

/** `10,000` */
export function countText(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 row`, `3 rows` */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** How long somebody has waited, in whole seconds. */
export function elapsedText(ms: number): SafeText {
  return text`${ms < 1000 ? '0 s' : formatDuration(Math.floor(ms / 1000) * 1000)}`
}

/** `1.2 MB`; `100 MiB` where it was said so. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return plural(bytes, 'byte')
  if (bytes % 2 ** 20 === 0) return `${countText(bytes / 2 ** 20)} MiB`
  const units = ['kB', 'MB', 'GB', 'TB'] as const
  let [size, unit] = [bytes / 1000, 0]
  while (size >= 999.95 && unit < units.length - 1) [size, unit] = [size / 1000, unit + 1]
  return `${size.toFixed(1)} ${units[unit] ?? ''}`
}
