import canonicalize from 'canonicalize'

/** A value that may be signed: strings without lone surrogates, booleans, null, safe integers, and arrays and plain objects of those. */
export type Signable = string | boolean | null | number | readonly Signable[] | { readonly [key: string]: Signable }

/**
 * The RFC 8785 (JCS) bytes of a value, UTF-8.
 *
 * Stricter than RFC 8785 where a second reading of the same bytes would be possible: throws `TypeError` on `undefined`
 * (JCS libraries drop it), on fractions and unsafe integers, on lone surrogates, and on anything that is not a plain
 * object or array (`Date`, `Map`, an object with `toJSON`).
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
      if (value === null) return
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) assertSignable(value[i], `${path}[${i}]`)
        return
      }
      if (Object.getPrototypeOf(value) !== Object.prototype) throw new TypeError(`${path} is not a plain object`)
      for (const [key, member] of Object.entries(value)) {
        if (!key.isWellFormed()) throw new TypeError(`${path} has a key with a lone surrogate`)
        assertSignable(member, `${path}.${key}`)
      }
      return
    default:
      throw new TypeError(`${path} is a ${typeof value}`)
  }
}
