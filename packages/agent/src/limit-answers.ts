import type { Transport } from '@twinlock/contract/transport'

/** More than the leases of one answer can need. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** Answers break off at a limit: whoever answers must not be able to fill the agent's memory. */
export function limitAnswers(send: Transport, maxBytes = MAX_ANSWER_BYTES): Transport {
  return async (url, request) => {
    const answer = await send(url, request)
    return { ...answer, body: limited(answer.body, maxBytes) }
  }
}

async function* limited(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const part of body) {
    size += part.length
    if (size > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`)
    yield part
  }
}
