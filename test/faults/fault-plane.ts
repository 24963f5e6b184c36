import { readFile, writeFile } from 'node:fs/promises';
import { watch } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AttemptState } from '../../src/protocol/attempt-state.ts';
import type { RunView } from '../../src/protocol/run-api.ts';
import { ControlPlane, type ControlPlaneOptions, type Running } from '../support/control-plane.ts';

/** A lease so short that a test sees it end; it does no harm that a busy machine misses one. */
export const QUICK = {
  server: { leaseSeconds: 4, lostAfterSeconds: 120, offerSeconds: 5, pollSeconds: 3 },
  stopGrace: { interruptSeconds: 1, terminateSeconds: 1 },
} as const;

/** A job whose agent is not heard of is lost while the test waits for it. */
export const SOON_LOST = { ...QUICK, server: { ...QUICK.server, lostAfterSeconds: 8 } } as const;

/** Opens a world, gives it to the test, and afterwards finds nothing left of it. */
export async function withPlane(
  act: (plane: ControlPlane) => Promise<void>,
  options: ControlPlaneOptions = {},
): Promise<void> {
  const plane = await ControlPlane.open({ config: QUICK, ...options });
  const left = await act(plane).then(
    () => plane.close(),
    async (error: unknown) => {
      await plane.close();
      throw error;
    },
  );
  if (left.length > 0) throw new Error(`left behind: ${left.map(({ name }) => name).join('; ')}`);
}

/** A server, and an agent `one` on it, which is returned. */
export async function startOne(
  plane: ControlPlane,
  args: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<Running> {
  await plane.startServer();
  await plane.register('one');
  return plane.startAgent('one', args, environment);
}

/** A job whose script waits for a gate: a file that the test opens. */
export class Gate {
  readonly reached: string;
  readonly #path: string;

  constructor(plane: ControlPlane, name: string) {
    this.#path = join(plane.directory, `gate-${name}`);
    this.reached = `${this.#path}.reached`;
  }

  /** For the script: tells that it is here, then waits. */
  get script(): string {
    return `echo here > ${this.reached}; while [ ! -e ${this.#path} ]; do sleep 0.05; done`;
  }

  async open(): Promise<void> {
    await writeFile(this.#path, '');
  }

  /** Resolves when a script waits at the gate. */
  whenReached(): Promise<void> {
    return whenFile(this.reached, () => true).then(() => undefined);
  }
}

/** The contents of a file, as soon as they are what is expected. */
export async function whenFile(path: string, expected: (text: string) => boolean): Promise<string> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text !== null && expected(text)) return text;
    await new Promise<void>((resolve) => {
      const watcher = watch(dirname(path), () => done());
      const timer = setTimeout(() => done(), LOOK_AGAIN_MS);
      const done = (): void => {
        clearTimeout(timer);
        watcher.close();
        resolve();
      };
    });
  }
}

/** A change between the look and the watch would be missed for ever. */
const LOOK_AGAIN_MS = 200;

/** Resolves when the attempt of the run's one job is in this state; nobody is told of it by an event. */
export async function whenAttempt(plane: ControlPlane, run: number, state: AttemptState): Promise<void> {
  for (;;) {
    const [job] = (await plane.show(run)).jobs;
    if (job?.attemptState === state) return;
    if (job?.state === 'completed')
      throw new Error(`the job is over: ${String(job.conclusion)} (${String(job.reason)})`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** The states that the attempt of the run's one job is seen in until the run is over. */
export async function statesOf(plane: ControlPlane, run: number): Promise<string[]> {
  const states: string[] = [];
  for (;;) {
    const view = await plane.show(run);
    states.push(String(view.jobs[0]?.attemptState));
    if (view.state === 'completed') return states;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** Logs may arrive after the results. */
export async function whenLogsAreSealed(plane: ControlPlane, run: number): Promise<void> {
  for (;;) {
    const steps = (await plane.show(run)).jobs.flatMap((job) => job.steps);
    if (steps.every(({ log }) => log === null || log.sealed)) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** One job `job` on any runner; `steps` is YAML of a list at six spaces. */
export function oneJob(steps: readonly string[], keys: readonly string[] = []): string {
  return [
    'on: push',
    'jobs:',
    '  job:',
    '    runs-on: self-hosted',
    ...keys.map((key) => `    ${key}`),
    '    steps:',
    ...steps.map((step) => `      - ${step}`),
  ].join('\n');
}

/** `run` as a flow mapping, whatever quotes are in the script. */
export function run(script: string, keys = ''): string {
  return `{ ${keys === '' ? '' : `${keys}, `}run: ${JSON.stringify(script)} }`;
}

/** How the run's one job and its steps ended: `job success`, `Run x success`… */
export function endings(view: RunView): string[] {
  return view.jobs.flatMap((job) => [
    `${job.key}: ${String(job.conclusion)}${job.reason === null ? '' : ` (${job.reason})`}`,
    ...job.steps
      .filter(({ step }) => step.phase === 'main')
      .map(({ step }) => `${step.id ?? step.name}: ${String(step.conclusion)}`),
  ]);
}
