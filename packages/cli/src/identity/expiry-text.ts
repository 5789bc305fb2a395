import { relativeText, timeText } from '../terminal/time-text.ts'

export function expiryText(expiresAt: string | null, now: number): string {
  if (expiresAt === null) return 'does not expire'
  return `expires ${relativeText(expiresAt, now)} (${timeText(expiresAt, now)})`
}
