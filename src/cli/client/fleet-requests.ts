import type { GroupRequest, GroupView, JitReply, JitRequest, PoolDemand } from '../../protocol/fleet-api.ts';
import type { ServerClient } from './server-client.ts';

/** What is asked of a server about groups of runners; each as a method of {@link ServerClient} would. */
export async function createJit(client: ServerClient, request: Partial<JitRequest>): Promise<JitReply> {
  const { jitReplySchema } = await import('../../protocol/fleet-api.ts');
  return client.ask('POST', '/v1/runners/jit', jitReplySchema, request);
}

export async function listGroups(client: ServerClient): Promise<GroupView[]> {
  const { groupListSchema } = await import('../../protocol/fleet-api.ts');
  return (await client.ask('GET', '/v1/groups', groupListSchema)).groups;
}

export function setGroup(client: ServerClient, name: string, request: Partial<GroupRequest>): Promise<unknown> {
  return client.ask('PUT', `/v1/groups/${encodeURIComponent(name)}`, null, request);
}

export function removeGroup(client: ServerClient, name: string): Promise<unknown> {
  return client.ask('DELETE', `/v1/groups/${encodeURIComponent(name)}`, null);
}

export async function poolDemand(client: ServerClient, pool: string, labels: readonly string[]): Promise<PoolDemand> {
  const { demandSchema } = await import('../../protocol/fleet-api.ts');
  const query = labels.length === 0 ? '' : `?labels=${encodeURIComponent(labels.join(','))}`;
  return client.ask('GET', `/v1/pools/${encodeURIComponent(pool)}/demand${query}`, demandSchema);
}
