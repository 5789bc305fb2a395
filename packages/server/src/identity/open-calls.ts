/**
 * The calls under way, by token. Revoking a token, or suspending its holder, ends them: a poll that is held open, a list
 * that somebody watches, a result that is being read.
 */
export interface OpenCalls {
  /** Changes whenever calls are ended: who was let in before may not be in any more. */
  generation(): number
  /** The returned function takes the call out again. */
  add(tokenId: string, call: AbortController): () => void
  end(tokenIds: readonly string[]): void
}

/** Why a call was aborted, as its signal's reason. */
export const TOKEN_ENDED = Symbol('the token of the call does not work any more')

export function createOpenCalls(): OpenCalls {
  const calls = new Map<string, Set<AbortController>>()
  let generation = 0
  return {
    generation: () => generation,
    add(tokenId, call) {
      const ofToken = calls.get(tokenId) ?? new Set()
      calls.set(tokenId, ofToken.add(call))
      return () => {
        ofToken.delete(call)
        if (ofToken.size === 0 && calls.get(tokenId) === ofToken) calls.delete(tokenId)
      }
    },
    end(tokenIds) {
      generation++
      for (const tokenId of tokenIds) for (const call of [...(calls.get(tokenId) ?? [])]) call.abort(TOKEN_ENDED)
    },
  }
}
