import { api } from '@twinlock/contract'
import { type AuditBody, type AuditRecord, auditBodySchema, auditRecordSchema } from '@twinlock/evidence'
import type { TestServer } from './test-server.ts'

export async function readAuditRecords(server: Pick<TestServer, 'admin'>): Promise<AuditRecord[]> {
  const parts: Uint8Array[] = []
  for await (const part of await server.admin.client.stream(api.audit.export, {})) parts.push(part)
  const lines = Buffer.concat(parts).toString('utf8').split('\n').filter(Boolean)
  return lines.map((line) => auditRecordSchema.parse(JSON.parse(line)))
}

export async function readAuditBodies(server: Pick<TestServer, 'admin'>): Promise<AuditBody[]> {
  return (await readAuditRecords(server)).map((record) => auditBodySchema.parse(JSON.parse(record.body ?? 'null')))
}
