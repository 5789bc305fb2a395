/** Why the agent cannot start, for a person: what, why, what to do. */
export class StartError extends Error {
  readonly why: string
  readonly remedy: string

  constructor(what: string, why: string, remedy: string, cause?: unknown) {
    super(what, cause === undefined ? undefined : { cause })
    this.name = 'StartError'
    this.why = why
    this.remedy = remedy
  }
}
