import type { AgentState } from './agent-state.ts';
import type { AttemptMeta, WaitingWorker, WorkerAssignment, WorkerHandle } from './agent-ports.ts';
import { logOf } from './attempt-log.ts';
import { closeJournal } from './close-journal.ts';
import type { HeldAttempt } from './held-attempt.ts';
import { lastWord } from './last-word.ts';
import { killTime } from './lease.ts';
import { SHORTER_THAN_STORED } from './log-progress.ts';
import { watchWorker } from './watch-worker.ts';

/** How often an end that the disk did not take is written again. */
const CLOSE_AGAIN_MS = 5_000;

/**
 * A new attempt, whose `job-started` is on the disk: the worker gets its order when the server has acknowledged that,
 * never before. So the server knows of every job that may have had an effect, and starts none of them again.
 */
export async function liveFromStart(
  state: AgentState,
  attempt: HeldAttempt,
  worker: WaitingWorker,
  order: WorkerAssignment,
): Promise<void> {
  const stopped = (): boolean => attempt.fate !== null || attempt.cancel !== null;
  await state.until(() => (attempt.ack ?? 0) > 0 || stopped());
  if (attempt.fate === null && isPastLease(state, attempt))
    attempt.doom({ kind: 'lost', cause: 'lease-expired', why: 'its lease was over before it could start' });
  if (state.isOver() || stopped()) {
    worker.dismiss();
    if (!state.isOver()) await settle(state, attempt);
    return;
  }
  try {
    const handle = await worker.begin({ ...order, ...leaseOf(state, attempt) });
    attempt.phase = 'running';
    logOf(state, attempt).info('job starts', { pid: worker.identity.pid });
    await Promise.all([save(state, attempt, { state: 'started' }), liveOn(state, attempt, handle)]);
  } catch (error) {
    attempt.doom({
      kind: 'lost',
      cause: 'worker-crashed',
      why: `its worker could not be given the job: ${String(error)}`,
    });
    await settle(state, attempt);
  }
}

/** From a worker that has its order until the server has all of it. */
export async function liveOn(state: AgentState, attempt: HeldAttempt, worker: WorkerHandle): Promise<void> {
  const gone = await watchWorker(state, attempt, worker);
  if (gone) await settle(state, attempt);
}

/** No worker lives: ends what it left behind, has the journal say how it ended, and frees the slot when that is told. */
export async function settle(state: AgentState, attempt: HeldAttempt): Promise<void> {
  attempt.phase = 'closing';
  await readDisk(state, attempt);
  if (!attempt.finished || attempt.fate !== null) {
    const reaped = await state.ports.workers.reap(attempt.meta.jobId);
    if (reaped > 0) logOf(state, attempt).warn('ended what the job had left behind', { processes: reaped });
  }
  if (attempt.fate?.kind === 'fenced') return conclude(state, attempt, 'ended', attempt.fate.why);
  if (!attempt.finished) await close(state, attempt);
  attempt.phase = 'reporting';
  attempt.urgent = true;
  goOn(state, attempt);
  state.wake();
}

/** Goes on from `reporting` and `uploading` as far as the server's answers allow; also off the track where it is fenced. */
export function goOn(state: AgentState, attempt: HeldAttempt): void {
  const { fate, phase } = attempt;
  if (fate?.kind === 'fenced' && (phase === 'reporting' || phase === 'uploading'))
    return void conclude(state, attempt, 'ended', fate.why);
  if (phase === 'reporting' && attempt.finished && attempt.ack !== null && attempt.ack >= attempt.seq) {
    attempt.phase = 'uploading';
    releaseSlot(state, attempt);
    logOf(state, attempt).info('result is stored', { records: attempt.seq, logBytesLeft: attempt.unsentBytes });
  }
  if (attempt.phase === 'uploading' && attempt.unsentBytes === 0) void conclude(state, attempt, 'done', null);
}

/** The last of it. Its folder is kept for a while, see `janitor-loop.ts`. */
export async function conclude(
  state: AgentState,
  attempt: HeldAttempt,
  how: 'ended' | 'done',
  why: string | null,
): Promise<void> {
  attempt.phase = how;
  state.attempts.put(attempt);
  releaseSlot(state, attempt);
  const log = logOf(state, attempt);
  if (how === 'ended')
    log.warn(`attempt is given up, and its journal kept: ${why ?? ''}`, { folder: attempt.folder.directory });
  else log.debug('all of it is stored');
  state.wake();
  await save(state, attempt, { state: how, incarnation: state.incarnation, over: state.ports.clock.now() });
}

/** What cannot be written is asked of the server again after a restart. */
export async function save(state: AgentState, attempt: HeldAttempt, change: Partial<AttemptMeta>): Promise<void> {
  try {
    await attempt.folder.update({ ...attempt.meta, ...change });
  } catch (error) {
    logOf(state, attempt).warn(`the attempt's folder cannot be written: ${String(error)}`);
  }
}

export function isPastLease({ now }: AgentState, { meta, renewedAt, leaseMs }: HeldAttempt): boolean {
  return meta.policy === 'exclusive' && now >= killTime(renewedAt, leaseMs);
}

/** What is left of it, where the job may not outlive it. */
function leaseOf({ now }: AgentState, { meta, renewedAt, leaseMs }: HeldAttempt): { leaseMs?: number } {
  return meta.policy === 'exclusive' ? { leaseMs: killTime(renewedAt, leaseMs) - now } : {};
}

async function close(state: AgentState, attempt: HeldAttempt): Promise<void> {
  const word = lastWord(attempt);
  logOf(state, attempt).warn(`job has no end of its own; it is reported as ${word.lost ?? word.reason}`);
  while (!state.isOver() && attempt.fate?.kind !== 'fenced') {
    try {
      const shorter = [...attempt.logs.values()].filter(({ stopped }) => stopped === SHORTER_THAN_STORED);
      const unknown = new Set(shorter.map(({ step }) => step));
      await closeJournal(attempt.folder, word, new Date(state.ports.clock.now()).toISOString(), unknown);
      await readDisk(state, attempt);
      return;
    } catch (error) {
      logOf(state, attempt).error(`the end of the job cannot be written: ${String(error)}`);
      await state.untilOrAfter(() => attempt.fate?.kind === 'fenced', CLOSE_AGAIN_MS);
    }
  }
}

async function readDisk(state: AgentState, attempt: HeldAttempt): Promise<void> {
  try {
    const [end, logs] = await Promise.all([attempt.folder.journalEnd(), attempt.folder.logs()]);
    attempt.progress(
      end.seq,
      logs.map(({ step, length }) => [step, length] as const),
      state.now,
    );
    attempt.finished = end.finished;
  } catch (error) {
    logOf(state, attempt).error(`the attempt's folder cannot be read: ${String(error)}`);
  }
}

function releaseSlot({ attempts }: AgentState, attempt: HeldAttempt): void {
  if (attempt.slot !== null) attempts.freeSlot(attempt.slot);
  attempt.slot = null;
}
