import { z } from 'zod'
import { dialectSchema, nameSchema, textSchema, timeSchema } from './common.ts'
import { defineEndpoint } from './endpoint.ts'

/** A target as people see it: a database in an environment, and whether somebody is there to serve it. */
const targetViewSchema = z.object({
  database: z.string(),
  environment: z.string(),
  dialect: dialectSchema,
  paused: z.object({ by: z.string(), at: timeSchema, reason: z.string().nullable() }).nullable(),
  /** Executions that wait for an agent, and those that run. */
  queued: z.number().int().nonnegative(),
  running: z.number().int().nonnegative(),
  /** Agents that may serve it. */
  agents: z.array(
    z.object({
      id: z.string(),
      online: z.boolean(),
      /** null when it was not seen since the server started. */
      last_seen_at: timeSchema.nullable(),
      status: z.enum(['unknown', 'ok', 'unreachable', 'refused']),
      server_version: z.string().nullable(),
      code: z.string().nullable(),
    }),
  ),
})
export type TargetView = z.infer<typeof targetViewSchema>

const targetParams = z.strictObject({ database: nameSchema, environment: nameSchema })

export const targetEndpoints = {
  list: defineEndpoint({
    name: 'databases.list',
    method: 'GET',
    path: '/databases',
    summary: 'List the targets one may see, by name',
    access: 'target:read',
    response: z.object({ items: z.array(targetViewSchema) }),
  }),
  pause: defineEndpoint({
    name: 'databases.pause',
    method: 'POST',
    path: '/databases/{database}/{environment}/pause',
    summary: 'Stop giving executions of a target to agents; optionally cancel those under way',
    access: 'target:pause',
    params: targetParams,
    body: z.strictObject({
      reason: textSchema(4000).optional(),
      cancel_executions: z.boolean().optional(),
    }),
    response: z.object({
      target: targetViewSchema,
      /** Executions that ended at once; agents are told of those that run, which `target` still counts. */
      cancelled: z.number().int().nonnegative(),
    }),
    idempotent: true,
  }),
  resume: defineEndpoint({
    name: 'databases.resume',
    method: 'POST',
    path: '/databases/{database}/{environment}/resume',
    summary: 'Give executions of a paused target to agents again',
    access: 'target:pause',
    params: targetParams,
    body: z.strictObject({}),
    response: targetViewSchema,
    idempotent: true,
  }),
}
