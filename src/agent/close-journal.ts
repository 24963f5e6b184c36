import { openSteps } from '../journal/open-steps.ts';
import { unsealedLogs } from '../journal/unsealed-logs.ts';
import type { AttemptRecord } from '../protocol/attempt-record.ts';
import type { StepReport } from '../protocol/report.ts';
import type { Reason } from '../protocol/conclusion.ts';
import type { LossCause } from '../protocol/attempt-state.ts';
import type { AttemptFolder, JournalEnd } from './agent-ports.ts';

export interface LastWord {
  readonly conclusion: 'failure' | 'cancelled';
  readonly reason: Reason;
  readonly lost: LossCause | null;
}

/** Read at a time, in bytes. */
const READ_BYTES = 1_000_000;

/**
 * Brings the journal of an attempt without a worker to its end: seals logs, ends open steps and the job. What finished
 * by itself stays as it is. Rejects with the system's error when the disk does not take it; may be called again.
 * @param now ISO 8601.
 * @param unknown Logs of which the disk has lost something that the server has: they get no seal.
 */
export async function closeJournal(
  folder: AttemptFolder,
  word: LastWord,
  now: string,
  unknown: ReadonlySet<number>,
): Promise<JournalEnd> {
  const end = await folder.journalEnd();
  if (end.finished) return end;
  const records = await readAll(folder, end.seq);
  const missing: AttemptRecord[] = records.length === 0 ? [{ kind: 'job-started', at: now }] : [];
  missing.push(...(await seals(folder, records, now, unknown)));
  for (const { step, state } of openSteps(records))
    missing.push({ kind: 'step', at: now, state: 'completed', step: ended(step, state, word, now) });
  missing.push({
    kind: 'job-finished',
    at: now,
    ...word,
    outputs: {},
    startedAt: records[0]?.at ?? now,
    completedAt: now,
  });
  return folder.append(missing);
}

async function readAll(folder: AttemptFolder, last: number): Promise<AttemptRecord[]> {
  const all: AttemptRecord[] = [];
  while (all.length < last) {
    const { records } = await folder.read(all.length + 1, last, READ_BYTES);
    if (records.length === 0) break;
    all.push(...records.map((text) => JSON.parse(text) as AttemptRecord));
  }
  return all;
}

async function seals(
  folder: AttemptFolder,
  records: readonly AttemptRecord[],
  now: string,
  unknown: ReadonlySet<number>,
): Promise<AttemptRecord[]> {
  const lengths = new Map((await folder.logs()).map(({ step, length }) => [step, length]));
  const sealed: AttemptRecord[] = [];
  for (const step of unsealedLogs(records)) {
    const length = lengths.get(step);
    if (length === undefined || unknown.has(step)) continue;
    sealed.push({ kind: 'log-sealed', at: now, step, length, hash: await folder.hashLog(step, length), cut: null });
  }
  return sealed;
}

/** What was running failed or was cancelled with the job; what had not begun never will. */
function ended(step: StepReport, state: string, { conclusion, reason }: LastWord, now: string): StepReport {
  const outcome = state === 'cancelling' ? 'cancelled' : state === 'running' ? conclusion : unbegun(state);
  return { ...step, outcome, conclusion: outcome, reason, completedAt: now };
}

function unbegun(state: string): 'skipped' | 'cancelled' {
  return state === 'queued' ? 'cancelled' : 'skipped';
}
