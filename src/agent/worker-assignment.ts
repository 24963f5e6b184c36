import type { AcceptReply, Offer, SealedSecrets } from '../protocol/agent-api.ts';
import type { AgentState } from './agent-state.ts';
import type { WorkerAssignment } from './agent-ports.ts';

/**
 * Message and secrets put together again, in memory alone. Throws when the secrets were not sealed for this runner and
 * this attempt.
 */
export function assignmentOf(
  { ports, settings }: AgentState,
  { attempt, fence, repository }: Offer,
  slot: number,
  { message, sealed }: AcceptReply,
): WorkerAssignment {
  const { secrets, masks, cloneToken } = JSON.parse(ports.keys.unseal(sealed, attempt)) as SealedSecrets;
  const { checkout, contexts, ...rest } = message;
  return {
    message: { ...rest, contexts: { ...contexts, secrets }, masks },
    jobId: `${attempt}-${fence}`,
    runnerName: settings.name,
    checkout: checkout === null ? null : { ...checkout, token: cloneToken },
    allowActions: settings.allowActions,
    config: settings.config,
    spoolBytes: settings.spoolBytes,
    repository,
    slot,
  };
}
