/** Legal in JSON, but not harmless in a terminal: DEL and C1 controls, direction, invisible and separating characters. */
const ACTIVE = /[\u007f-\u009f\p{Zl}\p{Zp}\p{Bidi_Control}\u00ad\u200b\u2060-\u206f\ufeff\ufff9-\ufffb]/gu

/** JSON that says the same and does nothing in a terminal. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(ACTIVE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
