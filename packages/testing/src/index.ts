export { readAuditBodies, readAuditRecords } from './audit-log.ts'
export { type Authority, type Certificate, createAuthority } from './certificates.ts'
export { type RunningProcess, startNode } from './child-process.ts'
export { type ConnectProxy, startConnectProxy } from './connect-proxy.ts'
export { createFakeClock, createShiftedClock, type FakeClock, type ShiftedClock } from './fake-clock.ts'
export { findPgBouncer, startPgBouncer } from './pgbouncer.ts'
export { type PostgresOptions, type PostgresServer, startPostgres } from './postgres.ts'
export { execute as runSql } from './postgres-database.ts'
export { execute, query, readResult, type StatementRows, submit, waitForExecution } from './read-result.ts'
export { type Hooks, type Passing, startTamperingProxy, type TamperingProxy } from './tampering-proxy.ts'
export { createTestDatabase, sharedPostgres, type TestDatabase } from './test-database.ts'
export {
  type AgentProcess,
  type AgentProcessOptions,
  agentToml,
  freePort,
  type ServerProcess,
  startAgentProcess,
  startServerProcess,
} from './test-processes.ts'
export {
  createTestUser,
  DEFAULT_CONFIG,
  startTestServer,
  type TestServer,
  type TestServerOptions,
  type TestUser,
  testUser,
} from './test-server.ts'
export { startTestStack, type TestStack } from './test-stack.ts'
export { startTlsFront, type TlsFront } from './tls-front.ts'
export { findTmux, openTerminal, type Terminal } from './tmux.ts'
