export {
  type AgentConfig,
  type AgentSecrets,
  type LocalCeiling,
  readAgentConfig,
  type TargetConfig,
} from './config.ts'
export { type Agent, type AgentOverrides, createAgent, type StopOptions } from './create-agent.ts'
export type { KillPoint, KillPoints } from './kill-points.ts'
export type { Refusal } from './refusal.ts'
export { StartError } from './start-error.ts'
export { type OrderFacts, type OrderVerdict, type VerifiedOrder, verifyOrder } from './verify-order.ts'
