import canonicalize from 'canonicalize'

/** A value that may be signed: strings without lone surrogates, booleans, null, safe integers, and arrays and plain objects of those. */
export type Signable = string | boolean | null | number | readonly Signable[] | { readonly [key: string]: Signable }

/** The deepest nesting of arrays and objects that may be signed: hostile depth ends in a refusal, not in a full stack. */
export const MAX_DEPTH = 64

/**
 * The RFC 8785 (JCS) bytes of a value, UTF-8.
 *
 * Stricter than RFC 8785 where a second reading of the same bytes would be possible: throws `TypeError` on `undefined`
 * (JCS libraries drop it), on fractions and unsafe integers, on lone surrogates, on a `__proto__` key (JavaScript
 * readers lose it), on nesting deeper than `MAX_DEPTH`, and on anything that is not a plain object or array (`Date`,
 * `Map`, whatever has a `toJSON`).
 *
 * @see https://www.rfc-editor.org/rfc/rfc8785
 */
export function canonicalBytes(value: Signable): Uint8Array<ArrayBuffer> {
  assertSignable(value, '$')
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('value has no canonical form')
  return new TextEncoder().encode(text)
}

/** Throws `TypeError` naming the path of the first part of `value` that may not be signed. */
export function assertSignable(value: unknown, path: string): asserts value is Signable {
  assertPart(value, path, 0)
}

/** Whether `value` may be signed. */
export function isSignable(value: unknown): value is Signable {
  try {
    assertSignable(value, '$')
    return true
  } catch {
    return false
  }
}

/**
 * The UTF-8 bytes of a text. Throws `TypeError` on a lone surrogate, which Node's own encoders replace by U+FFFD: two
 * texts would share one digest.
 */
export function utf8(text: string): Buffer {
  if (!text.isWellFormed()) throw new TypeError('text has a lone surrogate')
  return Buffer.from(text, 'utf8')
}

function assertPart(value: unknown, path: string, depth: number): asserts value is Signable {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new TypeError(`${path} has a lone surrogate`)
      return
    case 'boolean':
      return
    case 'number':
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new TypeError(`${path} is not a safe integer`)
      return
    case 'object':
      if (value !== null) assertContainer(value, path, depth + 1)
      return
    default:
      throw new TypeError(`${path} is a ${typeof value}`)
  }
}

function assertContainer(value: object, path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw new TypeError(`${path} is nested deeper than ${MAX_DEPTH} levels`)
  // The canonicaliser calls toJSON, own or inherited, enumerable or not, of arrays too.
  if ('toJSON' in value && typeof value.toJSON === 'function') throw new TypeError(`${path} has a toJSON method`)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) assertPart(value[i], `${path}[${i}]`, depth)
    return
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new TypeError(`${path} is not a plain object`)
  for (const [key, member] of Object.entries(value)) {
    if (!key.isWellFormed()) throw new TypeError(`${path} has a key with a lone surrogate`)
    if (key === '__proto__') throw new TypeError(`${path} has a __proto__ key`)
    assertPart(member, `${path}.${key}`, depth)
  }
}
