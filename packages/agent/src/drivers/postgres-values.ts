import type { Value } from './driver.ts'

export type Decode = (text: string) => Value

const BOOL = 16
const INT2 = 21
const INT4 = 23
const OID = 26
const FLOAT4 = 700
const FLOAT8 = 701

/** What JSON carries exactly becomes a number or a boolean; all else, int8 and numeric too, stays the server's text. */
export function decoderFor(typeOid: number): Decode {
  switch (typeOid) {
    case BOOL:
      return (text) => text === 't'
    case INT2:
    case INT4:
    case OID:
      return Number
    case FLOAT4:
    case FLOAT8:
      return decodeFloat
    default:
      return (text) => text
  }
}

/** NaN, the infinities and negative zero, which JSON does not have, stay text. */
function decodeFloat(text: string): Value {
  const value = Number(text)
  return Number.isFinite(value) && !Object.is(value, -0) ? value : text
}
