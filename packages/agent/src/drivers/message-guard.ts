import { DriverError } from './driver.ts'

/** What a server may send in one piece before the connection is given up; the rest is never held in memory. */
export interface MessageLimits {
  fieldBytes: number
  rowBytes: number
}

/** Errors and notices may quote a statement; nothing else but rows comes near this. */
const OTHER_MESSAGE_BYTES = 4 * 1024 * 1024
/** From here on a message is put together before the parser sees it, which would double a buffer until it fits. */
const LARGE_BYTES = 256 * 1024
/** PostgreSQL's own limit of a result's columns. */
const MAX_COLUMNS = 1664
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
 * its size. `pass` throws at the first length over its limit, before the bytes that it announces have arrived.
 * `forward` gets every byte in order; a large message in one piece, whose bytes are good until it returns.
 */
export function createMessageGuard(initial: MessageLimits, forward: (bytes: Buffer) => void) {
  let limits = initial
  let bodyLeft = 0
  let check: BodyCheck | undefined
  const header = Buffer.alloc(HEADER_BYTES)
  let headerHeld = 0
  const large = createLargeMessage()
  /** The message is over its limit as a whole; its check will say in what, and nobody needs its bytes until then. */
  let isDoomed = false

  function enter(type: number, length: number): void {
    if (length < 4) throw new DriverError('protocol_error', 'The server sent a message with an impossible length.')
    bodyLeft = length - 4
    check = undefined
    isDoomed = false
    if (type === DATA_ROW) {
      isDoomed = bodyLeft > limits.rowBytes + 2 + 4 * MAX_COLUMNS
      if (bodyLeft > Math.min(limits.fieldBytes, limits.rowBytes)) check = createRowCheck(limits)
    } else if (length > OTHER_MESSAGE_BYTES) {
      const kind = type === ERROR ? 'an error message' : type === NOTICE ? 'a notice' : 'a message'
      throw new DriverError(
        'result_too_large',
        `The database sent ${kind} of ${length} bytes; at most ${OTHER_MESSAGE_BYTES} are read.`,
      )
    } else if (type === ERROR || type === NOTICE) {
      check = createTerminatorCheck()
    }
    if (bodyLeft >= LARGE_BYTES && !isDoomed) large.begin(type, length)
    if (bodyLeft === 0) leave()
  }

  function leave(): void {
    check?.end()
    if (isDoomed) throw new DriverError('result_too_large', 'One row has more bytes than are allowed for a result.')
    large.end(forward)
  }

  return {
    set limits(next: MessageLimits) {
      limits = next
    },
    /** The size of the large message that is on its way; 0 when none is. */
    get largeBytes(): number {
      return large.size
    },
    pass(chunk: Buffer): void {
      // Up to here the chunk has been forwarded, kept or dropped.
      let from = 0
      const giveUpTo = (to: number) => {
        if (to > from) forward(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to))
        from = to
      }
      for (let at = 0; at < chunk.length; ) {
        if (bodyLeft > 0) {
          const end = Math.min(at + bodyLeft, chunk.length)
          if (check !== undefined || large.isOpen) {
            const part = chunk.subarray(at, end)
            check?.part(part)
            if (large.isOpen) large.add(part)
          }
          if (large.isOpen || isDoomed) from = end
          bodyLeft -= end - at
          at = end
          if (bodyLeft === 0) leave()
        } else if (headerHeld === 0 && at + HEADER_BYTES <= chunk.length) {
          enter(chunk.readUInt8(at), chunk.readUInt32BE(at + 1))
          if (large.isOpen || isDoomed) {
            giveUpTo(at)
            from = at + HEADER_BYTES
          }
          at += HEADER_BYTES
        } else {
          // Held back until it is whole: it decides where the message goes.
          giveUpTo(at)
          const copied = chunk.copy(header, headerHeld, at, Math.min(chunk.length, at + HEADER_BYTES - headerHeld))
          headerHeld += copied
          at += copied
          from = at
          if (headerHeld < HEADER_BYTES) continue
          headerHeld = 0
          enter(header.readUInt8(0), header.readUInt32BE(1))
          if (!large.isOpen && !isDoomed) forward(Buffer.from(header))
        }
      }
      giveUpTo(chunk.length)
    },
  }
}

/** Of the message before, on any connection: a new one for each would be garbage faster than it is collected. */
const spares: WeakRef<Buffer>[] = []
const MAX_SPARES = 2

function takeSpare(size: number): Buffer {
  const index = spares.findIndex((spare) => (spare.deref()?.length ?? 0) >= size)
  const [found] = index < 0 ? [] : spares.splice(index, 1)
  return found?.deref() ?? Buffer.allocUnsafeSlow(size)
}

/** One message, put together in a buffer of its size. */
function createLargeMessage() {
  let buffer: Buffer | undefined
  let size = 0
  let held = 0
  return {
    get isOpen() {
      return buffer !== undefined
    },
    /** Of the whole message; 0 when none is on its way. */
    get size() {
      return buffer === undefined ? 0 : size
    },
    begin(type: number, length: number): void {
      size = length + 1
      buffer = takeSpare(size)
      buffer.writeUInt8(type, 0)
      buffer.writeUInt32BE(length, 1)
      held = HEADER_BYTES
    },
    add(part: Buffer): void {
      if (buffer !== undefined) held += part.copy(buffer, held)
    },
    end(forward: (bytes: Buffer) => void): void {
      if (buffer === undefined) return
      const whole = buffer
      buffer = undefined
      forward(whole.subarray(0, held))
      spares.unshift(new WeakRef(whole))
      spares.length = Math.min(spares.length, MAX_SPARES)
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
          `One row has more than the ${limits.rowBytes} bytes that are allowed.`,
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
