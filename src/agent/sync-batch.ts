import { isFinish } from '../journal/read-journal.ts';
import { chainHash } from '../kernel/record-chain.ts';
import type { SyncReply, SyncRequest } from '../protocol/agent-api.ts';
import type { AgentState } from './agent-state.ts';
import { goOn } from './attempt-life.ts';
import { logOf } from './attempt-log.ts';
import type { HeldAttempt } from './held-attempt.ts';

type Entry = SyncRequest['attempts'][number];

export interface SyncBatch {
  readonly attempts: readonly HeldAttempt[];
  /** In the order of `attempts`. */
  readonly entries: Entry[];
}

/** Whose record is too long for the rest of the room is told in the next one; its lease is renewed all the same. */
export async function composeSync(
  state: AgentState,
  reporting: readonly HeldAttempt[],
  maxBytes: number,
): Promise<SyncBatch> {
  const attempts: HeldAttempt[] = [];
  const entries: Entry[] = [];
  let room = maxBytes;
  for (const attempt of reporting) {
    try {
      const entry = await entryOf(attempt, room);
      for (const text of entry.records) room -= text.length;
      attempts.push(attempt);
      entries.push(entry);
    } catch (error) {
      logOf(state, attempt).error(`the journal cannot be read: ${String(error)}`);
    }
  }
  return { attempts, entries };
}

async function entryOf(attempt: HeldAttempt, room: number): Promise<Entry> {
  const ack = attempt.ack ?? 0;
  const last = attempt.seq;
  attempt.urgent = false;
  attempt.unsentSince = null;
  const known = attempt.ackHash;
  const nothing = last === ack || room <= 0;
  if (room <= 0 && last > ack) attempt.urgent = true;
  const { before, records } =
    nothing && known !== null
      ? { before: known, records: [] }
      : await attempt.folder.read(ack + 1, last, Math.max(room, 0));
  if (ack + records.length < last) attempt.urgent = true;
  const logs = [...attempt.logs.values()].map(({ step, length }) => ({ step, length }));
  return { attempt: attempt.id, fence: attempt.fence, from: ack + 1, before, records, logs };
}

/** Whether the server took anything: when not, the same must not be sent again at once. */
export function applySync(
  state: AgentState,
  { attempts, entries }: SyncBatch,
  reply: SyncReply,
  sentAt: number,
): boolean {
  const answers = new Map(reply.attempts.map((answer) => [answer.attempt, answer]));
  let progress = false;
  for (const [index, attempt] of attempts.entries()) {
    const entry = entries[index];
    const answer = answers.get(attempt.id);
    if (entry === undefined || answer === undefined || !attempt.isHeld) continue;
    if (apply(state, attempt, entry, answer, sentAt, reply.leaseMs)) progress = true;
  }
  return progress;
}

function apply(
  state: AgentState,
  attempt: HeldAttempt,
  entry: Entry,
  answer: SyncReply['attempts'][number],
  sentAt: number,
  leaseMs: number,
): boolean {
  if (answer.result === 'ok' || answer.result === 'gap') {
    const before = attempt.ack;
    attempt.renewed(answer, hashAt(entry, answer.ack), sentAt, leaseMs);
    const last = entry.records.at(-1);
    if (last !== undefined && isFinish(last)) attempt.finished = true;
    if (answer.result === 'gap') attempt.urgent = true;
    goOn(state, attempt);
    return answer.result === 'ok' ? entry.records.length === 0 || answer.ack > entry.from - 1 : answer.ack !== before;
  }
  const why = SENTENCES[answer.result];
  attempt.doom({ kind: 'fenced', why: `${why} (record ${String(entry.from)}, stored ${String(answer.ack)})` });
  goOn(state, attempt);
  return true;
}

/** The chain's hash at a number that the entry covers; null: to be read. */
function hashAt({ from, before, records }: Entry, seq: number): string | null {
  if (seq < from - 1 || seq > from - 1 + records.length) return null;
  let hash = before;
  for (const text of records.slice(0, seq - from + 1)) hash = chainHash(hash, text);
  return hash;
}

const SENTENCES = {
  fork: 'the server has another record of the same number: two have written it, or a disk is broken',
  fenced: 'it is not this runner’s any more',
  illegal: 'the server says that a record does not fit its state',
} as const;
