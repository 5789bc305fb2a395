import { agentEndpoints } from './agents.ts'
import type { Endpoint } from './endpoint.ts'
import { executionEndpoints } from './executions.ts'
import { identityEndpoints } from './identity.ts'
import { requestEndpoints } from './requests.ts'
import { auditEndpoints, systemEndpoints } from './system.ts'
import { targetEndpoints } from './targets.ts'

/** Every endpoint there is. */
export const api = {
  requests: requestEndpoints,
  executions: executionEndpoints,
  targets: targetEndpoints,
  identity: identityEndpoints,
  audit: auditEndpoints,
  agents: agentEndpoints,
  system: systemEndpoints,
}

export const ALL_ENDPOINTS: readonly Endpoint[] = Object.values(api).flatMap((group) => Object.values<Endpoint>(group))
