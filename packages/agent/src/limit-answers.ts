/** More than the leases of one answer can need. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** A fetch whose answers break off at a limit: whoever answers must not be able to fill the agent's memory. */
export function limitAnswers(send: typeof fetch, maxBytes = MAX_ANSWER_BYTES): typeof fetch {
  return async (input, init) => {
    const response = await send(input, init)
    if (response.body === null) return response
    let size = 0
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(part, controller) {
          size += part.length
          if (size > maxBytes) controller.error(new Error(`the answer is larger than ${maxBytes} bytes`))
          else controller.enqueue(part)
        },
      }),
    )
    const limited = new Response(counted, response)
    Object.defineProperty(limited, 'url', { value: response.url })
    return limited
  }
}
