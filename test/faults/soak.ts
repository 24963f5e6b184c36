/**
 * Runs jobs with background steps for a while and kills servers, agents and workers at random meanwhile; then proves
 * that no result was lost, no job was started twice, every stored log equals what was printed, and no process is left.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunView } from '../../src/protocol/run-api.ts';
import { SeededRandom } from '../simulation/seeded-random.ts';
import { ControlPlane, type ControlPlaneOptions, type Running } from '../support/control-plane.ts';
import { soakLine, soakWorkflow, type SoakWorkflow } from './soak-workflow.ts';

export interface SoakOptions extends ControlPlaneOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly agents: number;
  readonly slots: number;
  /** Runs under way at once. */
  readonly runs: number;
  /** Longest pause between two faults. */
  readonly faultEveryMs: number;
  readonly say: (line: string) => void;
}

export interface SoakResult {
  readonly runs: number;
  readonly jobs: number;
  readonly steps: number;
  readonly logBytes: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Jobs whose worker was killed, or never had its order: lost by design, once, with what they had reported. */
  readonly lostWithWorker: number;
  /** Sentences; empty when all holds. */
  readonly violations: readonly string[];
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const plane = await ControlPlane.open({
    ...options,
    config: { server: { leaseSeconds: 8, lostAfterSeconds: 120, pollSeconds: 5 }, ...options.config },
  });
  const world = new SoakWorld(plane, options);
  try {
    return await world.live();
  } finally {
    await world.close();
  }
}

class SoakWorld {
  readonly #plane: ControlPlane;
  readonly #options: SoakOptions;
  readonly #random: SeededRandom;
  readonly #ledger: string;
  readonly #agents = new Map<string, Running>();
  readonly #submitted = new Map<number, SoakWorkflow & { readonly seed: number }>();
  readonly #faults: Record<string, number> = {};
  /** `attempt` folders whose worker was killed. */
  readonly #killedWorkers = new Set<string>();
  #server: Running | null = null;

  constructor(plane: ControlPlane, options: SoakOptions) {
    this.#plane = plane;
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#ledger = join(plane.directory, 'ledger');
  }

  async live(): Promise<SoakResult> {
    const { agents, slots, seconds, runs, say } = this.#options;
    this.#server = await this.#plane.startServer();
    for (let n = 1; n <= agents; n++) {
      await this.#plane.register(`agent-${n}`);
      this.#startAgent(`agent-${n}`);
    }
    say(`seed ${this.#options.seed}: ${agents} agents with ${slots} slots, ${seconds} s`);
    const end = performance.now() + seconds * 1_000;
    const feeding = Promise.all(Array.from({ length: runs }, (_, n) => this.#feed(n, end)));
    await this.#break(end);
    await feeding;
    say(`faults: ${JSON.stringify(this.#faults)}; waiting for what is under way`);
    return this.#prove();
  }

  async close(): Promise<void> {
    await this.#plane.close();
  }

  #startAgent(name: string): void {
    this.#agents.set(name, this.#plane.startAgent(name, ['--slots', String(this.#options.slots)]));
  }

  /** One run after another until the time is over. */
  async #feed(lane: number, end: number): Promise<void> {
    for (let n = 0; performance.now() < end; n++) {
      const seed = this.#options.seed * 1_000_000 + lane * 10_000 + n;
      const workflow = soakWorkflow(seed, this.#ledger);
      const run = await this.#insist(() => this.#plane.submit(workflow.text, { dedupeKey: String(seed) }));
      this.#submitted.set(run, { ...workflow, seed });
      await this.#plane.completed(run, COMPLETION_LIMIT_MS);
    }
  }

  /** The server may be down just now; a submission carries a key, so that sending it again makes no second run. */
  async #insist<T>(perform: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await perform();
      } catch (error) {
        if (tries >= MAX_TRIES) throw error;
        await pause(RETRY_MS);
      }
    }
  }

  async #break(end: number): Promise<void> {
    const random = this.#random;
    while (performance.now() < end) {
      await pause(random.between(this.#options.faultEveryMs / 4, this.#options.faultEveryMs));
      if (performance.now() >= end) break;
      const fault = random.pick(['server', 'agent', 'agent', 'worker', 'freeze-agent', 'freeze-server'] as const);
      this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
      const [name, agent] = random.pick([...this.#agents]);
      switch (fault) {
        case 'server': {
          this.#server?.kill('SIGKILL');
          await this.#server?.exited;
          await pause(random.between(0, 2_000));
          this.#server = await this.#plane.startServer();
          break;
        }
        case 'agent':
          agent.kill('SIGKILL');
          await agent.exited;
          await pause(random.between(0, 2_000));
          this.#startAgent(name);
          break;
        case 'worker':
          await this.#killWorker();
          break;
        case 'freeze-agent':
          await freeze(agent, random.between(500, 4_000));
          break;
        case 'freeze-server':
          if (this.#server) await freeze(this.#server, random.between(500, 4_000));
          break;
      }
    }
  }

  async #killWorker(): Promise<void> {
    const workers = (await this.#plane.living()).filter(({ name }) => / worker( |$)/.test(name));
    if (workers.length === 0) return;
    const { pid } = this.#random.pick(workers);
    try {
      process.kill(pid, 'SIGKILL');
      this.#killedWorkers.add(String(pid));
    } catch {
      // It had just ended.
    }
  }

  async #prove(): Promise<SoakResult> {
    const violations: string[] = [];
    const ledger = readLedger(await readFile(this.#ledger, 'utf8').catch(() => ''));
    let jobs = 0;
    let steps = 0;
    let logBytes = 0;
    let lost = 0;
    /** Of those, the ones that had not come to a step. */
    let unbegun = 0;
    for (const [run, workflow] of this.#submitted) {
      const view = await this.#sealed(run);
      if (view.state !== 'completed') violations.push(`run ${run} is ${view.state}`);
      for (const job of workflow.jobs) {
        jobs++;
        const found = view.jobs.find(({ key }) => key === job.id);
        const where = `run ${run} job ${job.id}`;
        if (!found) {
          violations.push(`${where} is missing`);
          continue;
        }
        if (found.state !== 'completed' || found.conclusion === null) violations.push(`${where} is ${found.state}`);
        if (found.conclusion === 'skipped') continue;
        const wasLost = isLost(found.reason);
        if (wasLost) lost++;
        if (wasLost && !job.steps.some(({ id }) => ledger.begins.has(`${run} ${job.id} ${id}`))) unbegun++;
        if (found.conclusion !== 'success' && !wasLost)
          violations.push(
            `${where} ended as ${String(found.conclusion)} (${String(found.reason)}, ${String(found.message)})`,
          );
        for (const step of job.steps) {
          steps++;
          const key = `${run} ${job.id} ${step.id}`;
          const begun = ledger.begins.get(key) ?? 0;
          if (begun > 1) violations.push(`${where} step ${step.id} was started ${begun} times`);
          const reported = found.steps.find(({ step: { id } }) => id === step.id);
          if (!wasLost && reported?.step.conclusion !== 'success')
            violations.push(`${where} step ${step.id} is ${String(reported?.step.conclusion)}, though it ran`);
          if (!wasLost && reported?.step.outputs.out !== String(workflow.seed) && !step.background)
            violations.push(`${where} step ${step.id} lost its output`);
          if (!reported) continue;
          logBytes += await this.#compareLog(
            run,
            workflow.seed,
            job.id,
            step,
            reported.step.number,
            wasLost,
            violations,
          );
        }
      }
    }
    const workers = this.#killedWorkers.size;
    if (workers < lost - unbegun)
      violations.push(`${lost - unbegun} jobs were lost on their way, but only ${workers} workers were killed`);
    // An agent that dies between the record of a start and its worker's order leaves a job that nobody may start again.
    const killed = workers + (this.#faults.agent ?? 0);
    if (killed < lost) violations.push(`${lost} jobs were lost, but only ${killed} workers and agents were killed`);
    for (const key of ledger.begins.keys()) {
      const [run = ''] = key.split(' ');
      if (!this.#submitted.has(Number(run))) violations.push(`somebody ran ${key}, which nobody asked for`);
    }
    for (const agent of this.#agents.values()) agent.kill('SIGTERM');
    await Promise.all([...this.#agents.values()].map(({ exited }) => exited));
    this.#server?.kill('SIGTERM');
    await this.#server?.exited;
    for (const { name } of await this.#plane.living()) violations.push(`still alive: ${name}`);
    return {
      runs: this.#submitted.size,
      jobs,
      steps,
      logBytes,
      faults: this.#faults,
      lostWithWorker: lost,
      violations,
    };
  }

  /** Logs may arrive after results. */
  async #sealed(run: number): Promise<RunView> {
    const end = performance.now() + SEAL_LIMIT_MS;
    for (;;) {
      const view = await this.#plane.show(run);
      const open = view.jobs.some(
        ({ reason, steps }) => !isLost(reason) && steps.some(({ log }) => log !== null && !log.sealed),
      );
      if (!open || performance.now() > end) return view;
      await pause(RETRY_MS);
    }
  }

  async #compareLog(
    run: number,
    seed: number,
    job: string,
    step: SoakWorkflow['jobs'][number]['steps'][number],
    number: number,
    wasLost: boolean,
    violations: string[],
  ): Promise<number> {
    const text = await this.#plane.log(run, job, number).catch((error: unknown) => String(error));
    const printed = text.split('\n').filter((line) => line.startsWith('soak '));
    const expected = Array.from({ length: step.lines }, (_, n) => soakLine(seed, job, step.id, n + 1));
    // A worker that was killed has what it had read; that is the beginning, whole lines, in order.
    const least = wasLost ? printed.length : expected.length;
    const differs = expected.slice(0, least).findIndex((line, n) => line !== printed[n]);
    if (differs >= 0 || printed.length !== Math.min(least, expected.length))
      violations.push(
        `run ${run} job ${job} step ${step.id}: ${printed.length} of ${expected.length} lines, the first that differs is ${differs + 1}: ${String(printed[differs])}`,
      );
    return text.length;
  }
}

/** Reasons of jobs whose worker was killed. */
const LOST_REASONS = ['runner-lost', 'worker-crashed'];
const SEAL_LIMIT_MS = 60_000;
const COMPLETION_LIMIT_MS = 240_000;
const RETRY_MS = 200;
const MAX_TRIES = 300;

function isLost(reason: string | null): boolean {
  return reason !== null && LOST_REASONS.includes(reason);
}

async function freeze(running: Running, ms: number): Promise<void> {
  running.kill('SIGSTOP');
  await pause(ms);
  running.kill('SIGCONT');
}

function readLedger(text: string): { readonly begins: Map<string, number>; readonly ends: Set<string> } {
  const begins = new Map<string, number>();
  const ends = new Set<string>();
  for (const line of text.split('\n')) {
    const [kind, run, job, step] = line.split(' ');
    const key = `${String(run)} ${String(job)} ${String(step)}`;
    if (kind === 'begin') begins.set(key, (begins.get(key) ?? 0) + 1);
    if (kind === 'end') ends.add(key);
  }
  return { begins, ends };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
