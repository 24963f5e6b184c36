import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_RUNNER_CONFIG } from '../config/runner-config.ts';
import { openJournal } from '../journal/open-journal.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import type { JobMessage } from '../protocol/job-message.ts';
import type { StepsJobPlan } from '../protocol/plan.ts';
import { JOURNAL_FILE, type WorkerOrder } from '../protocol/worker-link.ts';
import { serveAttempt, type WorkerIo } from './serve-attempt.ts';

/**
 * Runs a job of one step that does nothing, in a folder that is gone afterwards. What a process does for the first time
 * takes several times as long as the second time, and a worker has nothing else to do until its order comes. Never
 * rejects: what is wrong with this machine the job itself will say.
 *
 * @param directory Made when it is not there; its path is short enough for a socket in it.
 */
export async function rehearse(directory: string, io: WorkerIo): Promise<void> {
  const order = orderOf(directory);
  try {
    await mkdir(order.attemptDirectory, { recursive: true, mode: 0o700 });
    const owner = { identity: io.identity, isAlive: () => false };
    const journal = await openJournal(join(order.attemptDirectory, JOURNAL_FILE), { clock: io.clock, owner });
    await journal.append(JSON.stringify({ kind: 'job-started', at: new Date(io.clock.now()).toISOString() }), 'now');
    await journal.close();
    const { PATH = '' } = io.environment;
    // Nobody asks it to end, no test ends it, and what the environment says of shells is for jobs.
    const quiet = { environment: { PATH }, onStopRequest: () => () => undefined, failpoint: null };
    await serveAttempt(order, { ...io, ...quiet });
  } catch {
    // Such as a disk that is full.
  } finally {
    await removeTree(directory).catch(() => undefined);
  }
}

/** Without a cgroup: one that is killed at its rehearsal would leave it behind. */
function orderOf(directory: string): WorkerOrder {
  return {
    message: MESSAGE,
    jobId: `rehearsal-${process.pid}`,
    attemptDirectory: join(directory, 'attempt'),
    workspace: join(directory, 'workspace'),
    clean: 'job',
    cacheDirectory: join(directory, 'cache'),
    tempRoot: join(directory, 'temp'),
    socketPath: join(directory, 'socket'),
    runnerName: 'rehearsal',
    checkout: null,
    allowActions: [],
    config: { ...DEFAULT_RUNNER_CONFIG, cgroups: 'off' },
    spoolBytes: SPOOL_BYTES,
  };
}

const SPOOL_BYTES = 1_048_576;

const POSITION = { file: 'rehearsal.yml', line: 1, column: 1 };
const DEFAULTS = { shell: null, workingDirectory: null };

const JOB: StepsJobPlan = {
  kind: 'steps',
  id: 'rehearsal',
  position: POSITION,
  ...{ name: null, needs: [], if: null, strategy: null, concurrency: null, permissions: null },
  ...{ runsOn: 'any', environment: null, env: {}, defaults: DEFAULTS, outputs: {}, timeoutMinutes: null },
  ...{ continueOnError: null, container: null, services: null },
  steps: [
    {
      kind: 'run',
      id: '__rehearsal',
      position: POSITION,
      ...{ name: null, continueOnError: null, group: null, if: null, env: {}, timeoutMinutes: null },
      ...{ background: false, stopGrace: null, run: 'echo rehearsal', ...DEFAULTS },
    },
  ],
};

const MESSAGE: JobMessage = {
  ...{ runId: '0', key: 'rehearsal', displayName: 'rehearsal', instance: 0, attempt: 1 },
  job: JOB,
  env: [{}, {}],
  defaults: [DEFAULTS, DEFAULTS],
  timeoutMinutes: 360,
  contexts: {
    github: { repository: 'rehearsal/rehearsal', ref: 'refs/heads/main', event_name: 'push', token: '' },
    ...{ vars: {}, secrets: {}, inputs: {}, needs: {}, strategy: {}, matrix: null },
  },
  event: {},
  masks: [],
};
