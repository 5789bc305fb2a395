import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMessageGuard } from './message-guard.ts'

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type)
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

function row(fields: (Buffer | null)[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeInt16BE(fields.length)
  const parts = fields.map((field) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(field === null ? -1 : field.length)
    return Buffer.concat([length, field ?? Buffer.alloc(0)])
  })
  return message('D', Buffer.concat([count, ...parts]))
}

/** Gives the guard a stream in pieces; the code of what it throws, and how many bytes it had been given by then. */
function feed(stream: Buffer, sizes: number[], limits = { fieldBytes: 100, rowBytes: 250 }) {
  const forwarded: Buffer[] = []
  const guard = createMessageGuard(limits, (bytes) => void forwarded.push(Buffer.from(bytes)))
  let at = 0
  for (let i = 0; at < stream.length; i += 1) {
    const end = Math.min(stream.length, at + (sizes[i % sizes.length] ?? 1))
    try {
      guard.pass(stream.subarray(at, end))
    } catch (error) {
      return { code: Object(error).code, given: end }
    }
    at = end
  }
  expect(Buffer.concat(forwarded).equals(stream)).toBe(true)
  return 'passed'
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
const field = (max: number) => fc.option(fc.uint8Array({ maxLength: max }).map((bytes) => Buffer.from(bytes)))

describe('the message guard', () => {
  test('passes rows within the limits, however the stream is cut', () => {
    const rows = fc.array(fc.array(field(60), { maxLength: 4 }), { maxLength: 10 })
    fc.assert(
      fc.property(rows, sizes, (given, cuts) => {
        const other = [message('Z', Buffer.from('I')), message('C', Buffer.from('SELECT 1\0'))]
        expect(feed(Buffer.concat([...given.map(row), ...other]), cuts)).toBe('passed')
      }),
    )
  })

  test('stops at the length of a field over its limit, before the field has come', () => {
    fc.assert(
      fc.property(
        fc.array(field(50), { maxLength: 3 }),
        fc.integer({ min: 101, max: 5000 }),
        sizes,
        (before, size, cuts) => {
          const good = row(before)
          const bad = row([...before, Buffer.alloc(size)])
          const lengthEnds = good.length + bad.length - size
          const result = feed(Buffer.concat([good, bad]), cuts)
          expect(result).toMatchObject({ code: 'field_too_large' })
          expect(Object(result).given).toBeLessThan(lengthEnds + 40)
        },
      ),
    )
  })

  test('stops a row over the size of a whole result', () => {
    const fields = [Buffer.alloc(100), Buffer.alloc(100), Buffer.alloc(51)]
    expect(feed(row(fields), [7])).toMatchObject({ code: 'result_too_large' })
    expect(feed(row([Buffer.alloc(100), null, Buffer.alloc(100), Buffer.alloc(50)]), [7])).toBe('passed')
  })

  test('follows new limits', () => {
    const guard = createMessageGuard({ fieldBytes: 10, rowBytes: 10 }, () => {})
    guard.limits = { fieldBytes: 1000, rowBytes: 1000 }
    guard.pass(row([Buffer.alloc(500)]))
    guard.limits = { fieldBytes: 10, rowBytes: 10 }
    expect(() => guard.pass(row([Buffer.alloc(11)]))).toThrow('at most 10')
  })

  test.each([
    ['a length that is none', Buffer.from('E\0\0\0\x03')],
    ['an error without a body', Buffer.from('E\0\0\0\x04')],
    ['an error without an end', message('E', Buffer.from('SERROR\0Mmessage\0'))],
    ['a notice without an end', message('N', Buffer.from('S'))],
  ])('refuses %s', (_, stream) => {
    for (const size of [1, 2, 1000]) expect(feed(stream, [size])).toMatchObject({ code: 'protocol_error' })
  })

  test.each(['E', 'N', 'S', 'T', 'A'])('refuses a huge message of the kind %s by its header', (type) => {
    const stream = Buffer.from([type.charCodeAt(0), 0x7f, 0xff, 0xff, 0xff])
    for (const size of [1, 2, 1000]) expect(feed(stream, [size])).toMatchObject({ code: 'result_too_large' })
  })

  test('keeps nothing of a row that is over the limits as a whole', () => {
    const bad = row(Array.from({ length: 1000 }, () => Buffer.alloc(90)))
    const parts: Buffer[] = []
    const guard = createMessageGuard({ fieldBytes: 100, rowBytes: 250 }, (bytes) => void parts.push(bytes))
    expect(() => guard.pass(bad)).toThrow('One row has more')
    expect(guard.largeBytes).toBe(0)
    expect(parts).toEqual([])
  })

  test('forwards large messages whole, in order among the others, however the stream is cut', () => {
    const limits = { fieldBytes: 2_000_000, rowBytes: 3_000_000 }
    const wide = (size: number) => row([Buffer.alloc(size, 'w'), null, Buffer.from('end')])
    const stream = [wide(10), wide(300_000), message('Z', Buffer.from('T')), wide(700_000), wide(900_000), wide(5)]
    for (const size of [1_000, 65_536, 400_000, 3_000_000]) {
      const parts: Buffer[] = []
      const guard = createMessageGuard(limits, (bytes) => void parts.push(Buffer.from(bytes)))
      const whole = Buffer.concat(stream)
      for (let at = 0; at < whole.length; at += size) guard.pass(whole.subarray(at, at + size))
      expect(Buffer.concat(parts).equals(whole)).toBe(true)
      const largest = parts.map(({ length }) => length).filter((length) => length > 256 * 1024)
      expect(largest).toEqual([300_022, 700_022, 900_022])
    }
  })

  test('passes an error that ends', () => {
    for (const size of [1, 2, 3, 1000]) expect(feed(message('E', Buffer.from('SERROR\0Mm\0\0')), [size])).toBe('passed')
  })
})
