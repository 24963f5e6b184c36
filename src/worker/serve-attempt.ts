import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunnerConfig } from '../config/runner-config.ts';
import { LogSpool } from '../journal/log-spool.ts';
import { type JournalWriter, openJournal } from '../journal/open-journal.ts';
import { AbortScope, type CancelCause } from '../kernel/cancellation.ts';
import { openDiagnosticLog } from '../kernel/diagnostic-log.ts';
import { type Failpoint, NO_FAILPOINT } from '../kernel/failpoint.ts';
import type { FifoPool } from '../process/fifo-pool.ts';
import { isAlive } from '../process/process-identity.ts';
import { type FromWorker, JOURNAL_FILE, type ToWorker, type WorkerOrder } from '../protocol/worker-link.ts';
import { attemptHost, messageOf, type WorkerMachine } from './attempt-host.ts';
import { AttemptRecorder } from './attempt-recorder.ts';
import { LeaseTimer } from './lease-timer.ts';
import { LevelServer } from './level-server.ts';
import { runJob } from './run-job.ts';

/** What a worker's process is for the worker. */
export interface WorkerIo extends WorkerMachine {
  /** Of this process, see `process/process-identity`. */
  readonly identity: string;
  /** Calls back with 1, 2, 3… each time the process is asked to end; what is returned ends that. */
  onStopRequest(handle: (count: number) => void): () => void;
  /** Made ahead of time; see `WorkerHost`. */
  readonly fifos?: FifoPool | null;
  /** Where a test ends the process. */
  readonly failpoint?: Failpoint | null;
}

/**
 * Runs the job of one attempt: what happens goes to its journal and its logs, how far they are is told over its socket.
 * Resolves when the journal has its last record on the disk, whatever that says. Agents may come and go meanwhile.
 *
 * @throws Error when the attempt could not be begun, or its record could not be kept: then an agent has to speak for it.
 */
export async function serveAttempt(order: WorkerOrder, io: WorkerIo): Promise<void> {
  const cancel = new AbortScope();
  const kill = new AbortScope();
  const stopListening = io.onStopRequest((count) => (count === 1 ? cancel : kill).cancel('shutdown'));
  const failures: Error[] = [];
  const fail = (error: Error): void => {
    failures.push(error);
    kill.cancel('shutdown');
  };
  const lease = new LeaseTimer(io.clock, () => kill.cancel('shutdown'));
  if (order.leaseMs !== undefined) lease.renew(order.leaseMs);
  const link: { levels: LevelServer | null } = { levels: null };
  let journal: JournalWriter | null = null;
  let spool: LogSpool | null = null;
  try {
    journal = await openJournal(join(order.attemptDirectory, JOURNAL_FILE), {
      clock: io.clock,
      owner: { identity: io.identity, isAlive },
      onDurable: (seq) => link.levels?.tell({ kind: 'journal', seq }),
      onFailure: fail,
    });
    refuseSecondStart(journal);
    const { attemptDirectory, spoolBytes: maxBytes } = order;
    const tell = (level: FromWorker): void => link.levels?.tell(level);
    const logs = (spool = new LogSpool({
      attemptDirectory,
      clock: io.clock,
      maxBytes,
      onLength: (step, length) => tell({ kind: 'log', step, length }),
    }));
    const recorder = new AttemptRecorder({
      journal,
      spool,
      now: () => io.clock.now(),
      onFailure: fail,
      failpoint: io.failpoint ?? NO_FAILPOINT,
    });
    const onMessage = (message: ToWorker): void =>
      message.kind === 'lease' ? lease.renew(message.ms) : obey(message, cancel, kill);
    const opening = LevelServer.open({ path: order.socketPath, clock: io.clock, onMessage });
    const [host, log] = await Promise.all([
      attemptHost(order, io),
      openDiagnosticLog((order.config as RunnerConfig).log),
      opening.then((opened) => (link.levels = opened)),
      // Without it the set-up of the job fails, and says so where people look.
      mkdir(order.tempRoot, { recursive: true, mode: 0o700 }).catch(() => undefined),
    ]);
    const report = await runJob(messageOf(order), {
      ...host,
      fifos: io.fifos ?? null,
      cancel: cancel.signal,
      kill: kill.signal,
      log,
      emit: (event) => recorder.emit(event),
      openLog: (step) => {
        logs.open(step);
        return (lines) => logs.append(step, lines);
      },
    });
    if (failures.length === 0) await recorder.finish(report);
    await log.close();
  } finally {
    stopListening();
    lease.end();
    await spool?.close();
    await journal?.close();
    await link.levels?.close();
  }
  const [failure] = failures;
  if (failure) throw failure;
}

/** At most one start of an attempt, whatever an agent thinks. */
function refuseSecondStart({ lastSeq }: JournalWriter): void {
  if (lastSeq === 0) throw new Error('The journal has no job-started: whoever starts a worker writes that first.');
  if (lastSeq > 1) throw new Error(`This attempt was started before: its journal has ${lastSeq} records.`);
}

function obey(message: Exclude<ToWorker, { kind: 'lease' }>, cancel: AbortScope, kill: AbortScope): void {
  if (message.kind === 'kill') kill.cancel('user');
  else cancel.cancel(CAUSES[message.cause]);
}

/** What an agent cancels for. `shutdown`: it has to end itself. */
const CAUSES: Readonly<Record<Extract<ToWorker, { kind: 'cancel' }>['cause'], CancelCause>> = {
  user: 'user',
  'fail-fast': 'fail-fast',
  concurrency: 'concurrency',
  withdrawn: 'withdrawn',
  timeout: 'job-timeout',
  shutdown: 'drained',
};
