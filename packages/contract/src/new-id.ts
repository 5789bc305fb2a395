const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/**
 * A new id: the prefix of its kind, 10 characters of time and 16 random ones (80 bits), so that ids sort by time.
 * `now` is milliseconds since 1970, `random` gives that many random bytes.
 */
export function newId(prefix: string, now: number, random: (size: number) => Uint8Array): string {
  const time = base32(BigInt(now), 10)
  const bits = BigInt(`0x${Buffer.from(random(10)).toString('hex')}`)
  return `${prefix}_${time}${base32(bits, 16)}`
}

function base32(value: bigint, length: number): string {
  let text = ''
  for (let rest = value, i = 0; i < length; i++, rest >>= 5n) text = ALPHABET.charAt(Number(rest & 31n)) + text
  return text
}
