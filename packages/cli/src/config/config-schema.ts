import { nameSchema } from '@twinlock/contract'
import { z } from 'zod'

/** `~/.config/twinlock/config.toml`: the user's own. */
export const userConfigSchema = z.strictObject({
  server: z.string().min(1).optional(),
  database: nameSchema.optional(),
  environment: nameSchema.optional(),
  /** By the server's address. */
  servers: z
    .record(
      z.string(),
      z.strictObject({
        token: z.string().min(1).optional(),
        allow_insecure: z.boolean().optional(),
        /** The authorities that may vouch for this server, PEM; from the folder of this file on. */
        ca_file: z.string().min(1).optional(),
      }),
    )
    .default({}),
})
export type UserConfig = z.infer<typeof userConfigSchema>

/** `twinlock.toml` in a project: came with somebody's repository, so it holds no secret and is trusted with none. */
export const projectConfigSchema = z.strictObject({
  server: z.string().min(1).optional(),
  database: nameSchema.optional(),
  environment: nameSchema.optional(),
})
export type ProjectConfig = z.infer<typeof projectConfigSchema>
