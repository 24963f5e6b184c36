import type { RegisterReply, RegisterRequest } from '../../protocol/agent-api.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { findToken, type FoundToken, useRegistrationToken } from '../secrets/token-operations.ts';
import { SESSION_SILENCE_MS } from './limits.ts';
import { lockGroups } from './group-access.ts';
import { demandJitLabels } from './jit-labels.ts';
import { isReserved } from './label-set.ts';
import { retireRunner } from './retire-runner.ts';
import { DEFAULT_GROUP, demandGroup } from './runner-groups.ts';

/**
 * Makes a runner known. Sent twice, with the same name and keys, it is the same runner, and the token is used once.
 * Others under a name that is taken: `name-taken`, unless it is to be replaced and has no live session.
 */
export async function registerRunner(
  context: OperationContext,
  { tokenHash, request }: { readonly tokenHash: string; readonly request: RegisterRequest },
): Promise<RegisterReply> {
  const { db, now } = context;
  const { name, publicKey, sealKey, replace } = request;
  const reserved = request.labels.find((label) => isReserved(label.toLowerCase()));
  if (reserved !== undefined)
    throw new Refusal('invalid', null, `'${reserved}' is no label of a runner: its group is that of its token`);
  const labels = JSON.stringify(request.labels);
  const present = await db
    .selectFrom('runner')
    .selectAll()
    .where('name', '=', name)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  // Public keys are no secret: who knows them proves nothing, and must not put a seal key of his own beside them.
  const isSame = present?.public_key === publicKey && present.seal_key === sealKey;
  if (present && isSame && present.consumed === 0) {
    const token = await findRegistrationToken(context, tokenHash);
    refuseOther(token, request, present.group_name);
    const { jit } = token;
    const ephemeral = request.ephemeral || jit !== null;
    await db
      .updateTable('runner')
      .set({ labels, ephemeral: ephemeral ? 1 : 0 })
      .where('id', '=', present.id)
      .execute();
    return { runner: present.id, name };
  }
  if (present && !isSame) {
    const live = await hasLiveSession(context, present.id);
    if (!replace || live)
      throw new Refusal(
        'conflict',
        'name-taken',
        live
          ? `a runner named ${name} is connected; stop it first, or choose another name`
          : `a runner named ${name} is registered; choose another name, or replace it`,
      );
  }
  await lockGroups(context, 'going-by');
  const token = await useRegistrationToken(context, tokenHash);
  const { jit } = token;
  const group = token.group ?? DEFAULT_GROUP;
  refuseOther(token, request, present?.group_name ?? group);
  await demandGroup(context, group);
  const ephemeral = request.ephemeral || jit !== null;
  if (present) await retireRunner(context, present.id);
  const id = context.randomId();
  await db
    .insertInto('runner')
    .values({
      id,
      name,
      public_key: publicKey,
      seal_key: sealKey,
      labels,
      ephemeral: ephemeral ? 1 : 0,
      consumed: 0,
      paused: 0,
      created_at: now,
      last_seen: null,
      removed_at: null,
      group_name: group,
      jit: jit === null ? 0 : 1,
    })
    .execute();
  await audit(context, {
    actor: `token ${token.name}`,
    action: 'runner.register',
    target: `runner ${name}`,
    detail: { runner: id, labels: request.labels, ephemeral, replaced: present?.id ?? null },
  });
  return { runner: id, name };
}

/** A token is for its group, and a configuration for its runner and labels: neither changes or replaces another's. */
function refuseOther({ jit, group }: FoundToken, { name, labels }: RegisterRequest, present: string): void {
  if (jit !== null && jit.name !== name)
    throw new Refusal('unauthorized', 'scope-missing', `this configuration is for the runner ${jit.name}, not ${name}`);
  if (jit !== null) demandJitLabels(jit, labels);
  const own = group ?? DEFAULT_GROUP;
  if (own !== present)
    throw new Refusal(
      'conflict',
      'name-taken',
      `the runner ${name} is in the group ${present}, and this token is for ${own}; remove it first, or choose another name`,
    );
}

async function hasLiveSession({ db, now }: OperationContext, runner: string): Promise<boolean> {
  const row = await db
    .selectFrom('session')
    .select('id')
    .where('runner_id', '=', runner)
    .where('state', '!=', 'ended')
    .where('last_seen', '>', now - SESSION_SILENCE_MS)
    .executeTakeFirst();
  return row !== undefined;
}

async function findRegistrationToken(context: OperationContext, hash: string): Promise<FoundToken> {
  const token = await findToken(context, { hash });
  if (token.kind !== 'registration')
    throw new Refusal('unauthorized', 'scope-missing', 'a registration token is needed to register a runner');
  return token;
}
