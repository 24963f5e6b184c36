import type { AttemptVerdict, HeldAttempt as HeldOnWire } from '../protocol/agent-api.ts';
import type { AgentState } from './agent-state.ts';
import { conclude, goOn, save } from './attempt-life.ts';
import { logOf } from './attempt-log.ts';
import type { HeldAttempt } from './held-attempt.ts';

/** As many as the server takes; the oldest of what it has all of is left out first. */
const MAX_HELD = 10_000;

/** What a new session tells of: all that the server does not have for certain. */
export async function heldForSession(state: AgentState): Promise<HeldOnWire[]> {
  const told = state.attempts.all.filter((attempt) => !attempt.isOver || isUnconfirmed(state, attempt));
  const held: HeldOnWire[] = [];
  for (const attempt of told.slice(-MAX_HELD)) {
    try {
      const { seq, hash, finished } = await attempt.folder.journalEnd();
      held.push({ attempt: attempt.id, fence: attempt.fence, lastSeq: seq, lastHash: hash, finished });
    } catch (error) {
      logOf(state, attempt).error(`the journal cannot be read: ${String(error)}`);
    }
  }
  return held;
}

/** Whether there is something that another memory of the server stored than the one it has now. */
export function hasUnconfirmed(state: AgentState): boolean {
  return state.attempts.all.some((attempt) => isUnconfirmed(state, attempt));
}

/** They were told; of what the server said nothing of, there is nothing to be done. */
export async function confirmAll(state: AgentState): Promise<void> {
  const { incarnation } = state;
  for (const attempt of state.attempts.all)
    if (isUnconfirmed(state, attempt)) await save(state, attempt, { incarnation });
}

function isUnconfirmed({ incarnation }: AgentState, { phase, meta }: HeldAttempt): boolean {
  return phase === 'done' && incarnation !== null && meta.incarnation !== incarnation;
}

/** What the server made of them. */
export async function applyVerdicts(state: AgentState, verdicts: readonly AttemptVerdict[]): Promise<void> {
  const held = new Map(state.attempts.all.map((attempt) => [attempt.id, attempt]));
  for (const verdict of verdicts) {
    const attempt = held.get(verdict.attempt);
    if (attempt !== undefined) await apply(state, attempt, verdict);
  }
}

async function apply(state: AgentState, attempt: HeldAttempt, verdict: AttemptVerdict): Promise<void> {
  if (attempt.phase === 'ended') return;
  if (verdict.verdict === 'continue' && verdict.ack <= attempt.seq) {
    attempt.resume(verdict);
    if (attempt.phase === 'done' || (attempt.phase === 'uploading' && verdict.ack < attempt.seq))
      await reopen(state, attempt);
    goOn(state, attempt);
  } else if (attempt.phase === 'done') {
    // It had all of it once, and has no use for it now.
    await save(state, attempt, { incarnation: state.incarnation });
  } else if (verdict.verdict === 'done') {
    await conclude(state, attempt, 'done', null);
  } else {
    const why = verdict.verdict === 'continue' ? 'the server has more of it than the disk' : SENTENCES[verdict.verdict];
    attempt.doom({ kind: 'fenced', why });
    goOn(state, attempt);
  }
}

async function reopen(state: AgentState, attempt: HeldAttempt): Promise<void> {
  attempt.phase = 'reporting';
  state.attempts.put(attempt);
  logOf(state, attempt).info('told again to a server whose memory went back', { from: attempt.ack ?? 0 });
  await save(state, attempt, { state: 'started', over: null });
}

const SENTENCES = {
  fenced: 'it is not this runner’s any more',
  unknown: 'the server has never heard of it',
} as const;
