import type { z } from 'zod'
import { AppError } from './app-error.ts'
import type { Permission } from './permissions.ts'

/**
 * Who may call an endpoint: `public` without a token, `agent` with an agent's token, or a user who has the permission.
 * What the caller may see or change beyond that is for the use case to decide.
 */
export type Access = 'public' | 'agent' | Permission

/** One endpoint: the value that server, client and documentation read. Paths are below `/api/v1` unless `base` is false. */
export interface Endpoint {
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly base?: false
  readonly summary: string
  readonly access: Access
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  /** A JSON body; endpoints with `rawBody` take bytes instead. */
  readonly body?: z.ZodType
  readonly rawBody?: { readonly maxBytes: number }
  /** Room for a JSON body larger than 64 KiB. */
  readonly maxBodyBytes?: number
  /** Status and JSON body of success; null for an endpoint that streams `application/x-ndjson`. */
  readonly status?: 200 | 201
  readonly response: z.ZodType | null
  /** Takes an `Idempotency-Key` header. */
  readonly idempotent?: true
}

type Input<S, Name extends string> = S extends z.ZodType ? { readonly [K in Name]: z.input<S> } : unknown
type Output<S, Name extends string> = S extends z.ZodType ? { readonly [K in Name]: z.output<S> } : unknown

/** What a caller gives. */
export type EndpointInput<E extends Endpoint> = Input<E['params'], 'params'> &
  (E['query'] extends z.ZodType ? { readonly query?: z.input<E['query']> } : unknown) &
  Input<E['body'], 'body'> &
  (E['rawBody'] extends object ? { readonly rawBody: Uint8Array } : unknown)

/** What a handler gets, validated. */
export type EndpointCall<E extends Endpoint> = Output<E['params'], 'params'> &
  Output<E['query'], 'query'> &
  Output<E['body'], 'body'> &
  (E['rawBody'] extends object ? { readonly rawBody: Uint8Array } : unknown)

/** What a caller gets. */
export type EndpointResponse<E extends Endpoint> = E['response'] extends z.ZodType ? z.output<E['response']> : never

export function defineEndpoint<const E extends Endpoint>(endpoint: E): E {
  return endpoint
}

export const API_BASE = '/api/v1'

/** The path of an endpoint with its parameters filled in and escaped; `invalid_request` where one would make it another path. */
export function endpointPath(endpoint: Endpoint, params: Readonly<Record<string, unknown>> = {}): string {
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => pathSegment(name, params[name]))
  return endpoint.base === false ? path : API_BASE + path
}

function pathSegment(name: string, value: unknown): string {
  const text = value === undefined ? '' : String(value)
  // Escaping leaves these alone, and URLs resolve them away.
  if (text === '' || text === '.' || text === '..')
    throw new AppError('invalid_request', { detail: `params.${name}: ${JSON.stringify(text)} cannot stand in a path` })
  return encodeURIComponent(text)
}
