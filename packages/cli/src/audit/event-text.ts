import type { AuditEventView } from '@twinlock/contract'
import { type Palette, type SafeText, text } from '../terminal/safe-text.ts'
import { timeText } from '../terminal/time-text.ts'

/** `12:03:11 UTC  #42  request.approved  bob  req_…  step=1` */
export function eventText(event: AuditEventView, palette: Palette, now: number): SafeText {
  const subject = event.subject ? `  ${event.subject.id}` : ''
  const data = briefText(event.data)
  return text`${timeText(event.at, now)}  #${event.seq}  ${palette.bold(event.type)}  ${event.actor.id}${subject}${data ? text`  ${palette.dim(data)}` : text``}`
}

/** What says something: without what is empty, and of a digest its beginning. */
function briefText(data: AuditEventView['data']): string {
  const said = Object.entries(data).filter(([, value]) => value !== null && JSON.stringify(value) !== '{}')
  return dataText(Object.fromEntries(said)).replace(/\b([0-9a-f]{8})[0-9a-f]{24,}\b/g, '$1…')
}

export function dataText(data: AuditEventView['data']): string {
  return Object.entries(data)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
