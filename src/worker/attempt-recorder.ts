import { MAX_RECORD_BYTES } from '../journal/frame.ts';
import { type Failpoint, NO_FAILPOINT } from '../kernel/failpoint.ts';
import type { LogSpool } from '../journal/log-spool.ts';
import type { JournalWriter } from '../journal/open-journal.ts';
import type { AttemptRecord } from '../protocol/attempt-record.ts';
import type { FlowWish } from '../protocol/flow-plan.ts';
import type { JobEvent } from '../protocol/events.ts';
import type { JobReport } from '../protocol/report.ts';

type StepRecord = Extract<AttemptRecord, { kind: 'step' }>;
type FinishRecord = Extract<AttemptRecord, { kind: 'job-finished' }>;

export interface AttemptRecorderOptions {
  readonly journal: JournalWriter;
  readonly spool: LogSpool;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A record could not be written: nothing that happens from now on would be known. May be called several times. */
  readonly onFailure: (error: Error) => void;
  readonly failpoint?: Failpoint;
}

/**
 * Writes what happens in a job to its journal. A step's end comes first and the end of its log behind it, since what
 * waits for the step need not wait for the log.
 */
export class AttemptRecorder {
  readonly #options: AttemptRecorderOptions;
  readonly #seals: Promise<void>[] = [];
  readonly #failpoint: Failpoint;
  #wish: FlowWish | null = null;

  constructor(options: AttemptRecorderOptions) {
    this.#options = options;
    this.#failpoint = options.failpoint ?? NO_FAILPOINT;
  }

  /** Never throws. */
  emit(event: JobEvent): void {
    switch (event.type) {
      case 'step': {
        const { at, state, step } = event;
        const isEnd = state === 'completed';
        const written = this.#write({ kind: 'step', at, state, step }, isEnd ? 'now' : 'soon');
        if (!isEnd) return;
        void written.then(() => this.#failpoint('worker-after-step-journal'));
        this.#seals.push(this.#seal(step.number));
        return;
      }
      case 'annotation': {
        // On a full disk it is in its step's record, and there once is enough.
        if (this.#options.journal.isFull) return;
        const { at, step, annotation } = event;
        void this.#write({ kind: 'annotation', at, step, annotation }, 'soon');
        return;
      }
      case 'flow-request': {
        const { at, id, request } = event;
        void this.#write({ kind: 'flow-request', at, id, request }, 'now');
        return;
      }
      case 'job-completed':
        this.#wish = event.wish ?? null;
        return;
      // The first is in the journal before the worker starts, the last comes with the report, and logs have their files.
      case 'job-started':
      case 'log':
    }
  }

  /** The last record. It is on the disk when this resolves. @throws what the file system says. */
  async finish(report: JobReport): Promise<void> {
    await Promise.all(this.#seals);
    const { journal, now } = this.#options;
    this.#failpoint('worker-before-job-finished');
    await journal.append(textOf(finishOf(report, this.#wish, isoTime(now())), journal.isFull), 'now');
  }

  async #seal(step: number): Promise<void> {
    const sealed = await this.#options.spool.seal(step);
    if (sealed !== null)
      void this.#write({ kind: 'log-sealed', at: isoTime(this.#options.now()), step, ...sealed }, 'soon');
  }

  /** Never rejects. */
  async #write(record: AttemptRecord, when: 'now' | 'soon'): Promise<void> {
    const { journal, onFailure } = this.#options;
    await journal.append(textOf(record, journal.isFull), when).catch(onFailure);
  }
}

function finishOf(report: JobReport, wish: FlowWish | null, at: string): FinishRecord {
  const { conclusion, reason, outputs, startedAt, completedAt } = report;
  if (conclusion !== 'success' && conclusion !== 'failure' && conclusion !== 'cancelled')
    throw new Error(`a job that ran ended as ${conclusion}`);
  return {
    kind: 'job-finished',
    at,
    conclusion,
    reason,
    lost: null,
    outputs,
    startedAt,
    completedAt,
    ...(wish === null ? {} : { wish }),
  };
}

/** Without what is not the result where there is no room for it, or where a server would not take it. */
function textOf(record: AttemptRecord, isFull: boolean): string {
  const text = JSON.stringify(record);
  const fits = (candidate: string): boolean => Buffer.byteLength(candidate) <= MAX_RECORD_BYTES;
  if (record.kind === 'step' && (isFull || !fits(text))) {
    const short = JSON.stringify({ ...record, step: { ...record.step, summary: null } } satisfies StepRecord);
    if (fits(short)) return short;
    const step = { ...record.step, summary: null, outputs: {}, annotations: [] };
    return JSON.stringify({ ...record, step } satisfies StepRecord);
  }
  if (record.kind === 'job-finished' && !fits(text)) {
    // Who needs the outputs must not go on without them.
    const failed = { ...record, conclusion: 'failure', reason: 'internal-error', outputs: {} } as const;
    return JSON.stringify(failed satisfies FinishRecord);
  }
  return text;
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
