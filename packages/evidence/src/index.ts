export {
  type Actor,
  type AuditBody,
  type AuditRecord,
  actorSchema,
  auditBodySchema,
  auditRecordSchema,
} from './audit-record.ts'
export { assertSignable, canonicalBytes, isSignable, MAX_DEPTH, type Signable, utf8 } from './canonical-json.ts'
export { digestOf, digestSchema, sha256 } from './digest.ts'
export {
  type Envelope,
  type EnvelopeKind,
  envelopeSchema,
  MAX_SIGNATURES,
  type Opened,
  openEnvelope,
  payloadType,
  preAuthEncoding,
  signEnvelope,
} from './dsse.ts'
export {
  type ExecutionToken,
  executionTokenSchema,
  type ProbeToken,
  probeTokenSchema,
  TOKEN_LIFETIME_MS,
  type TokenApproval,
} from './execution-token.ts'
export {
  appendRecord,
  bodyHash,
  type ChainHead,
  type ChainVerdict,
  EMPTY_CHAIN,
  GENESIS_HASH,
  recordHash,
  verifyChain,
  verifyRecord,
} from './hash-chain.ts'
export {
  fingerprintSchema,
  generateSigningKey,
  keyFingerprint,
  type PublicJwk,
  publicJwk,
  publicJwkSchema,
  readPublicJwk,
  readSigningKey,
  type SigningKey,
  signingKeyToPem,
} from './keys.ts'
export {
  encodeWorkOrder,
  type Limits,
  limitsSchema,
  type Operation,
  operationSchema,
  parseWorkOrder,
  type Target,
  targetSchema,
  type WorkOrder,
  wellFormedSchema,
  workOrderDigest,
  workOrderSchema,
} from './work-order.ts'
