import type { AgentState } from './agent-state.ts';
import type { AttemptFolder, JournalEnd, WorkerHandle } from './agent-ports.ts';
import { settle } from './attempt-life.ts';
import { logOf } from './attempt-log.ts';
import { type AttemptPhase, HeldAttempt } from './held-attempt.ts';
import { watchWorker } from './watch-worker.ts';

/**
 * Finds the attempts of an agent that was here before: workers that still work are taken over, for the others the agent
 * speaks. Returns what each of them goes on with.
 */
export async function recover(state: AgentState): Promise<readonly (() => Promise<void>)[]> {
  const lives: (() => Promise<void>)[] = [];
  for (const folder of await state.ports.attempts.list()) {
    try {
      lives.push(await recoverOne(state, folder));
    } catch (error) {
      state.ports.log.error(`attempt cannot be read: ${String(error)}`, { folder: folder.directory });
    }
  }
  return lives;
}

async function recoverOne(state: AgentState, folder: AttemptFolder): Promise<() => Promise<void>> {
  const { meta } = folder;
  const [end, logs] = await Promise.all([folder.journalEnd(), folder.logs()]);
  const isOver = meta.state === 'done' || meta.state === 'ended';
  const rebooted = meta.worker.bootId !== state.ports.workers.bootId;
  const worker = isOver || rebooted ? null : await state.ports.workers.reattach(meta.worker);
  const phase = phaseOf(folder, worker, end);
  const attempt = new HeldAttempt(folder, phase, end, { at: state.now, ms: Infinity });
  const lengths = logs.map(({ step, length }) => [step, length] as const);
  attempt.progress(end.seq, lengths, state.now);
  state.attempts.put(attempt);
  if (phase === 'running' || phase === 'closing') state.attempts.keepSlot(meta.slot);
  else attempt.slot = null;
  if (!isOver) logOf(state, attempt).info('attempt is found on the disk', { phase, records: end.seq, rebooted });
  if (worker !== null) return () => liveOn(state, attempt, worker);
  if (phase === 'unstarted') return () => decideUnstarted(state, attempt);
  if (phase === 'closing') return () => speakFor(state, attempt, rebooted);
  return () => Promise.resolve();
}

function phaseOf({ meta }: AttemptFolder, worker: WorkerHandle | null, end: JournalEnd): AttemptPhase {
  if (meta.state === 'done' || meta.state === 'ended') return meta.state;
  if (worker !== null) return 'running';
  if (end.finished) return 'reporting';
  return meta.state === 'starting' && end.seq <= 1 ? 'unstarted' : 'closing';
}

async function liveOn(state: AgentState, attempt: HeldAttempt, worker: WorkerHandle): Promise<void> {
  if (!(await watchWorker(state, attempt, worker))) return;
  const { seq } = await attempt.folder.journalEnd();
  // It was still waiting for its order when its agent died, and ended of that.
  if (attempt.meta.state === 'starting' && seq <= 1 && attempt.fate === null) await decideUnstarted(state, attempt);
  else await settle(state, attempt);
}

/** The order died with the agent that had it. What the server knows decides whether that was a start. */
async function decideUnstarted(state: AgentState, attempt: HeldAttempt): Promise<void> {
  attempt.phase = 'unstarted';
  state.wake();
  await state.until(() => attempt.ack !== null || attempt.fate !== null);
  if (state.isOver()) return;
  if (attempt.ack === 0 && attempt.fate === null) return giveBack(state, attempt);
  attempt.doom({ kind: 'lost', cause: 'runner-died', why: 'the agent died before it could start the job' });
  await settle(state, attempt);
}

/** The server never heard that it started: somebody else may. */
async function giveBack(state: AgentState, attempt: HeldAttempt): Promise<void> {
  const log = logOf(state, attempt);
  log.info('job was not started before the agent died; it is given back');
  if (attempt.slot !== null) state.attempts.freeSlot(attempt.slot);
  attempt.slot = null;
  attempt.phase = 'ended';
  await attempt.folder.remove();
  state.attempts.remove(attempt);
  if (state.session !== null) {
    const reason = 'the agent died before it could start the job';
    const result = await state.ports.api.decline(state.session.key, attempt.id, {
      fence: attempt.fence,
      reason,
      final: false,
    });
    // Then the server takes it back when its lease is over.
    if (!result.ok) log.debug(`not given back: ${result.error.message}`);
  }
  state.wake();
}

/** After a loss of power the server may have more of a log than the disk: what it has is waited for. */
async function speakFor(state: AgentState, attempt: HeldAttempt, rebooted: boolean): Promise<void> {
  if (rebooted) {
    attempt.doom({ kind: 'lost', cause: 'runner-rebooted', why: 'the machine was restarted' });
    await state.until(() => attempt.ack !== null || attempt.fate?.kind === 'fenced');
    if (state.isOver()) return;
  }
  await settle(state, attempt);
}
