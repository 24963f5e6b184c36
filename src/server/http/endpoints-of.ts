import type { AgentApi } from '../../protocol/agent-api.ts';
import type { LogStore } from '../log-store.ts';
import type { RunService } from '../runs/run-service.ts';
import { Nonces } from '../secrets/nonces.ts';
import type { SecretBox } from '../secrets/secret-box.ts';
import { agentEndpoints } from './agent-endpoints.ts';
import type { Endpoint } from './endpoint.ts';
import { eventEndpoint } from './event-endpoint.ts';
import type { Streaming } from './event-endpoint.ts';
import { fleetEndpoints } from './fleet-endpoints.ts';
import { flowEndpoints } from './flow-endpoints.ts';
import { logEndpoints } from './log-endpoints.ts';
import { repositoryEndpoints } from './repository-endpoints.ts';
import { runEndpoints } from './run-endpoints.ts';
import { runnerCheckEndpoint } from './runner-check-endpoint.ts';
import { runnerEndpoints } from './runner-endpoints.ts';
import { secretEndpoints } from './secret-endpoints.ts';
import { serverEndpoints } from './server-endpoints.ts';
import type { MetricsPage } from './server-endpoints.ts';
import { tokenEndpoints } from './token-endpoints.ts';

/** What is behind the routes. */
export interface Services extends Streaming {
  readonly agents: AgentApi;
  readonly runs: RunService;
  readonly logs: LogStore;
  readonly box: SecretBox;
  readonly maxWorkflowMb: number;
  readonly version: string;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly metrics: () => Promise<MetricsPage>;
}

/** Every route of the server. */
export function endpointsOf(services: Services): Endpoint[] {
  const { store, agents, runs, logs, box, randomBytes } = services;
  return [
    ...serverEndpoints(store, services),
    ...agentEndpoints(agents),
    ...runEndpoints(runs, services),
    ...flowEndpoints(runs),
    eventEndpoint(services),
    ...logEndpoints(services, logs),
    ...fleetEndpoints(store, randomBytes),
    ...runnerEndpoints(store),
    runnerCheckEndpoint(store, new Nonces(box, services.clock, randomBytes)),
    ...tokenEndpoints(store, randomBytes),
    ...secretEndpoints(store, box),
    ...repositoryEndpoints(store, runs),
  ];
}
