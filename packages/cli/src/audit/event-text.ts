import type { AuditEventView } from '@twinlock/contract'
import { type Palette, type SafeText, text } from '../terminal/safe-text.ts'
import { timeText } from '../terminal/time-text.ts'

/** `12:03:11 UTC  #42  request.approved  bob  req_…  step=1` */
export function eventText(event: AuditEventView, palette: Palette, now: number): SafeText {
  const subject = event.subject ? `  ${event.subject.id}` : ''
  const data = dataText(event.data)
  return text`${timeText(event.at, now)}  #${event.seq}  ${palette.bold(event.type)}  ${event.actor.id}${subject}${data ? text`  ${palette.dim(data)}` : text``}`
}

export function dataText(data: AuditEventView['data']): string {
  return Object.entries(data)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
