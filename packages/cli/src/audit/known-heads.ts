import type { ChainHead } from '@twinlock/evidence'
import { z } from 'zod'
import { CliError } from '../cli-error.ts'
import { auditHeadsPath } from '../config/paths.ts'
import { readIfThere, writePrivateFile } from '../config/private-file.ts'
import type { Io } from '../io.ts'

const headsSchema = z.record(
  z.string(),
  z.strictObject({
    seq: z.number().int().nonnegative(),
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    verified_at: z.iso.datetime(),
  }),
)
export type KnownHead = z.infer<typeof headsSchema>[string]

type Place = Pick<Io, 'env' | 'home'>

/** The end of a server's log when it was last found intact from this machine. */
export async function findKnownHead(io: Place, server: string): Promise<KnownHead | undefined> {
  const heads = await readHeads(io)
  return Object.hasOwn(heads, server) ? heads[server] : undefined
}

export async function rememberHead(io: Place, server: string, head: ChainHead, now: number): Promise<void> {
  const heads = await readHeads(io)
  const entry = { seq: head.seq, hash: head.hash, verified_at: new Date(now).toISOString() }
  await writePrivateFile(auditHeadsPath(io), `${JSON.stringify({ ...heads, [server]: entry }, null, 2)}\n`)
}

/** A file that cannot be read must not pass for "never verified before". */
async function readHeads(io: Place): Promise<z.infer<typeof headsSchema>> {
  const path = auditHeadsPath(io)
  const content = await readIfThere(path)
  if (content === undefined) return {}
  try {
    return headsSchema.parse(JSON.parse(content))
  } catch (error) {
    throw new CliError(
      'config_invalid',
      `${path}, where verified ends of audit logs are remembered, is damaged.`,
      'Restore it, or delete it to start anew: cut-off ends from before then go unnoticed.',
      error,
    )
  }
}
