/** One line of the doctor's report. */
export interface Finding {
  readonly area: 'server' | 'identity' | 'clock' | 'tls' | 'targets' | 'agents' | 'configuration' | 'node'
  readonly ok: boolean
  readonly text: string
  /** What to do about a problem. */
  readonly hint?: string
}

type Area = Finding['area']

export function fine(area: Area, text: string): Finding {
  return { area, ok: true, text }
}

export function problem(area: Area, text: string, hint?: string): Finding {
  return { area, ok: false, text, ...(hint ? { hint } : {}) }
}
