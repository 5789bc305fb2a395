import { DriverError } from './driver.ts'

/** What a server may send in one piece before the connection is given up; the rest is never held in memory. */
export interface MessageLimits {
  fieldBytes: number
  rowBytes: number
}

/** Errors and notices may quote a statement; nothing else but rows comes near this. */
const OTHER_MESSAGE_BYTES = 16 * 1024 * 1024
const DATA_ROW = 'D'.charCodeAt(0)
const ERROR = 'E'.charCodeAt(0)
const NOTICE = 'N'.charCodeAt(0)
const HEADER_BYTES = 5

/** Follows the body of one message, of which it is given each part as it comes. */
interface BodyCheck {
  part(bytes: Buffer): void
  end(): void
}

/**
 * Reads the lengths in a PostgreSQL byte stream ahead of the parser, which would buffer a message whole whatever
 * its size. `inspect` throws at the first length over its limit, before the bytes that it announces have arrived.
 */
export function createMessageGuard(initial: MessageLimits) {
  let limits = initial
  let bodyLeft = 0
  let check: BodyCheck | undefined
  const header = Buffer.alloc(HEADER_BYTES)
  let headerHeld = 0

  function enter(type: number, length: number): void {
    if (length < 4) throw new DriverError('protocol_error', 'The server sent a message with an impossible length.')
    bodyLeft = length - 4
    check = undefined
    if (type === DATA_ROW) {
      if (bodyLeft > Math.min(limits.fieldBytes, limits.rowBytes)) check = createRowCheck(limits)
    } else if (length > OTHER_MESSAGE_BYTES) {
      throw new DriverError('protocol_error', `The server sent ${length} bytes in one message.`)
    } else if (type === ERROR || type === NOTICE) {
      check = createTerminatorCheck()
    }
  }

  return {
    set limits(next: MessageLimits) {
      limits = next
    },
    inspect(chunk: Buffer): void {
      for (let at = 0; at < chunk.length; ) {
        if (bodyLeft > 0) {
          const end = Math.min(at + bodyLeft, chunk.length)
          check?.part(chunk.subarray(at, end))
          bodyLeft -= end - at
          at = end
          if (bodyLeft === 0) check?.end()
        } else if (headerHeld === 0 && at + HEADER_BYTES <= chunk.length) {
          enter(chunk.readUInt8(at), chunk.readUInt32BE(at + 1))
          at += HEADER_BYTES
        } else {
          const copied = chunk.copy(header, headerHeld, at, Math.min(chunk.length, at + HEADER_BYTES - headerHeld))
          headerHeld += copied
          at += copied
          if (headerHeld < HEADER_BYTES) continue
          headerHeld = 0
          enter(header.readUInt8(0), header.readUInt32BE(1))
        }
      }
    },
  }
}

/** A row: a count in two bytes, then for each field its length in four (-1 for NULL) and its bytes. */
function createRowCheck(limits: MessageLimits): BodyCheck {
  let skip = 2
  let length = 0
  let lengthBytes = 0
  let total = 0
  function part(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (skip > 0) {
        const step = Math.min(skip, bytes.length - at)
        skip -= step
        at += step
        continue
      }
      length = (length << 8) | bytes.readUInt8(at)
      lengthBytes += 1
      at += 1
      if (lengthBytes < 4) continue
      if (length > limits.fieldBytes) {
        throw new DriverError(
          'field_too_large',
          `A field has ${length} bytes; at most ${limits.fieldBytes} are allowed.`,
        )
      }
      total += Math.max(length, 0)
      if (total > limits.rowBytes) {
        throw new DriverError(
          'result_too_large',
          `One row has more than the ${limits.rowBytes} bytes allowed for a result.`,
        )
      }
      skip = Math.max(length, 0)
      length = 0
      lengthBytes = 0
    }
  }
  return { part, end: () => {} }
}

/** The parser looks for the end of an error's fields, two zero bytes, for ever when they are not there. */
function createTerminatorCheck(): BodyCheck {
  let tail = Buffer.from('..')
  return {
    part(bytes) {
      tail = Buffer.concat([tail, bytes.subarray(-2)]).subarray(-2)
    },
    end() {
      if (tail.readUInt16BE() !== 0) throw new DriverError('protocol_error', 'The server sent an error without an end.')
    },
  }
}
