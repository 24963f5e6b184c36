import type { AttemptVerdict, SessionRequest } from '../../protocol/agent-api.ts';
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { INCARNATION_SETTING, SESSION_OF_ANOTHER_LIFE } from '../storage/incarnation.ts';
import { offersHeldUntil } from '../storage/former-life.ts';
import { IS_LIVE } from './is-live.ts';
import { labelsBeyond } from './jit-labels.ts';
import { judgeHeld } from './judge-held.ts';
import { loseAttempt } from './lose-attempt.ts';
import { SESSION_SILENCE_MS } from './limits.ts';
import { returnUnstarted } from './return-unstarted.ts';
import { useNonce } from './use-nonce.ts';

export interface OpenedSession {
  readonly session: string;
  readonly protocol: number;
  readonly incarnation: string;
  readonly attempts: readonly AttemptVerdict[];
}

type OpenRequest = Omit<SessionRequest, 'signature' | 'takeover'> & {
  readonly tokenHash: string;
  readonly takeover: boolean;
};

/**
 * Opens a session, which ends the runner's one before. The signature was verified. What the runner was given and has
 * neither begun nor on its disk goes back to the queue; what it ran and lost with its disk is lost.
 */
export async function openSession(context: OperationContext, request: OpenRequest): Promise<OpenedSession> {
  const { db } = context;
  if (request.protocol < OLDEST_PROTOCOL_VERSION)
    throw new Refusal(
      'unauthorized',
      'version-too-old',
      `the agent speaks version ${request.protocol} of the protocol; this server needs at least ${OLDEST_PROTOCOL_VERSION}`,
      { minimum: OLDEST_PROTOCOL_VERSION },
    );
  await useNonce(context, request.nonce);
  const runner = await db
    .selectFrom('runner')
    .selectAll()
    .where('id', '=', request.runner)
    .where('removed_at', 'is', null)
    .$if(context.locks, (query) => query.forUpdate())
    .executeTakeFirst();
  if (!runner) throw new Refusal('unauthorized', 'token-unknown', 'the server does not know this runner; register it');
  const before = await endSessionBefore(context, request, runner.name);
  const session = context.randomId();
  // What an agent adds by its own settings is not for one that was made with certain labels.
  const others = runner.jit === 1 ? labelsBeyond(JSON.parse(runner.labels) as string[], request.labels) : [];
  const labels = request.labels.filter((label) => !others.includes(label));
  await insertSession(context, session, before, { ...request, labels });
  await db
    .updateTable('runner')
    .set({
      last_seen: context.now,
      labels: JSON.stringify(labels),
      ephemeral: request.ephemeral ? 1 : runner.jit,
    })
    .where('id', '=', runner.id)
    .execute();
  const attempts = await judgeHeld(context, { runner: runner.id, session, held: request.attempts });
  const kept = attempts.filter(({ verdict }) => verdict === 'continue').map(({ attempt }) => attempt);
  // After a restore the agent does not know yet that it has to tell of all that it ever stored: nothing is given to
  // somebody else or counted as lost before it comes a second time.
  const mayBeOthers = before?.machine_id === SESSION_OF_ANOTHER_LIFE || (await offersHeldUntil(db)) > context.now;
  if (!mayBeOthers) await returnUnstarted(context, runner.id, kept);
  if (before?.machine_id === request.machineId) await loseForgotten(context, request, before.boot_id);
  const { value } = await db
    .selectFrom('setting')
    .select('value')
    .where('name', '=', INCARNATION_SETTING)
    .executeTakeFirstOrThrow();
  return { session, protocol: Math.min(request.protocol, PROTOCOL_VERSION), incarnation: value, attempts };
}

interface SessionBefore {
  readonly epoch: number;
  readonly state: string;
  readonly leave_asked: number;
  readonly machine_id: string;
  readonly boot_id: string;
}

async function endSessionBefore(
  context: OperationContext,
  { runner, machineId, takeover }: OpenRequest,
  name: string,
): Promise<SessionBefore | null> {
  const { db, now } = context;
  const before = await db
    .selectFrom('session')
    .selectAll()
    .where('runner_id', '=', runner)
    .orderBy('epoch', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!before) return null;
  const live = before.state !== 'ended' && before.last_seen > now - SESSION_SILENCE_MS;
  if (live && before.machine_id !== machineId && !takeover)
    throw new Refusal(
      'conflict',
      'other-machine',
      `the runner ${name} is connected from another machine; register this machine under a name of its own, or take over`,
    );
  if (before.state !== 'ended') {
    await db.updateTable('session').set({ state: 'ended' }).where('id', '=', before.id).execute();
    context.wake(`session:${before.id}`);
  }
  return before;
}

async function insertSession(
  { db, now, settings }: OperationContext,
  id: string,
  before: SessionBefore | null,
  request: OpenRequest,
): Promise<void> {
  // A drain that the agent has not heard of goes for its next session; one that it has obeyed is over.
  const leaves = before !== null && before.state !== 'ended' && before.leave_asked === 1;
  await db
    .insertInto('session')
    .values({
      id,
      runner_id: request.runner,
      epoch: (before?.epoch ?? 0) + 1,
      token_hash: request.tokenHash,
      machine_id: request.machineId,
      boot_id: request.bootId,
      version: request.version,
      protocol: request.protocol,
      features: JSON.stringify(request.features),
      labels: JSON.stringify(request.labels),
      slots: request.slots,
      state: leaves ? 'draining' : 'live',
      leave_asked: leaves ? 1 : 0,
      opened_at: now,
      last_seen: now,
      expires_at: now + settings.sessionTokenMs,
    })
    .execute();
}

/**
 * The machine is back and has nothing of what it ran. Another attempt may start only where no process of this one can be
 * left: after a reboot; otherwise an exclusive one waits for the end of its lease.
 */
async function loseForgotten(context: OperationContext, request: OpenRequest, bootBefore: string): Promise<void> {
  const rows = await context.db
    .selectFrom('attempt')
    .select(['id', 'fence', 'policy'])
    .where('runner_id', '=', request.runner)
    .where(IS_LIVE)
    .where('state', 'in', ['running', 'disconnected'])
    .orderBy('id')
    .execute();
  const held = new Set(request.attempts.map(({ attempt }) => attempt));
  const rebooted = bootBefore !== request.bootId;
  for (const row of rows)
    if (!held.has(row.id) && (rebooted || row.policy === 'at-most-once'))
      await loseAttempt(context, row, rebooted ? 'runner-rebooted' : 'runner-died');
}
