/** A job whose steps are played by the test: real StepsRunner and coordinator, no processes, a clock moved by hand. */
import { AbortScope } from '../../src/kernel/cancellation.ts';
import { evaluateText } from '../../src/expressions/evaluate.ts';
import type { StepState } from '../../src/protocol/events.ts';
import type { Json } from '../../src/protocol/job-message.ts';
import type {
  ActionStepPlan,
  CancelStepPlan,
  RunStepPlan,
  StepPlan,
  WaitAllStepPlan,
  WaitStepPlan,
} from '../../src/protocol/plan.ts';
import type { Annotation, StepReport } from '../../src/protocol/report.ts';
import { DEFAULT_LADDER, type ProcessHost } from '../../src/process/running-process.ts';
import { JobState } from '../../src/steps/job-state.ts';
import type { ActionStage, HandlerResult } from '../../src/steps/step-handler.ts';
import type { StepLog } from '../../src/steps/step-log.ts';
import type { StepScope } from '../../src/steps/step-scope.ts';
import { GRACE_MARGIN_MS } from '../../src/process/running-process.ts';
import type { StepsRunnerOptions } from '../../src/steps/steps-runner-options.ts';
import { StepsRunner } from '../../src/steps/steps-runner.ts';
import { FakeClock, settle } from './fake-clock.ts';

const position = { file: 'workflow.yml', line: 1, column: 1 };
const base = { position, name: null, continueOnError: null, group: null };

/** A foreground step. Its script is played by {@link FakeJob}, see there. */
export function fg(id: string, run = '', keys: Partial<RunStepPlan> = {}): RunStepPlan {
  const rest = { if: null, env: {}, timeoutMinutes: null, background: false, stopGrace: null };
  return { ...base, ...rest, kind: 'run', id, run, shell: null, workingDirectory: null, ...keys };
}

export function bg(id: string, run = '', keys: Partial<RunStepPlan> = {}): RunStepPlan {
  return fg(id, run, { background: true, ...keys });
}

export function wait(id: string, targets: readonly string[], keys: Partial<WaitStepPlan> = {}): WaitStepPlan {
  return { ...base, kind: 'wait', id, targets, ...keys };
}

export function waitAll(id: string, keys: Partial<WaitAllStepPlan> = {}): WaitAllStepPlan {
  return { ...base, kind: 'wait-all', implicit: false, id, ...keys };
}

export function cancel(id: string, target: string, keys: Partial<CancelStepPlan> = {}): CancelStepPlan {
  return { ...base, kind: 'cancel', id, target, ...keys };
}

export const LADDER_MS = DEFAULT_LADDER.interruptMs + DEFAULT_LADDER.terminateMs;
export const GRACE_MS = LADDER_MS + GRACE_MARGIN_MS;
export const NOTICE_MS = 30_000;
export const BARRIER = 'Wait for all background steps';

export interface FakeJobOptions extends Partial<
  Pick<StepsRunnerOptions, 'maxBackground' | 'firstNumber' | 'openLog' | 'stages'>
> {
  readonly env?: Readonly<Record<string, string>>;
  readonly contexts?: Readonly<Record<string, Json>>;
  readonly hashFiles?: (patterns: readonly string[]) => Promise<string>;
  /** Called with every change of a record. */
  readonly onChanged?: (step: StepReport, state: StepState) => void;
  readonly postStages?: (job: FakeJob) => readonly ActionStage[];
}

/** A step that a test plays right now. */
interface Playing {
  readonly plan: ActionStepPlan;
  readonly scope: StepScope;
  /** Lets a script go on behind `hold` or `stubborn`. */
  go: () => void;
}

/**
 * Scripts are lines, evaluated when the step starts: `env N=V`, `output N=V`, `path DIR`, `echo TEXT`; `hold` waits for
 * {@link finish} or to be stopped; `stubborn` for `finish` or to be killed; `deaf` for `finish` only; `exit N`;
 * `throw TEXT`. Every step that starts or ends is in `history` as `+id` or `-id`.
 */
export class FakeJob {
  readonly clock = new FakeClock();
  readonly cancel = new AbortScope();
  readonly kill = new AbortScope();
  readonly state: JobState;
  readonly history: string[] = [];
  readonly states: string[] = [];
  /** What `completed` was reported for, by number. */
  readonly completions = new Map<number, number>();
  /** Steps that ran at once at most. */
  most = 0;
  readonly #playing = new Map<string, Playing>();
  readonly #scopes = new Map<string, StepScope>();
  readonly #rows = new Map<number, StepReport>();
  readonly #logs = new Map<number, string[]>();
  readonly #runner: StepsRunner;
  #background = 0;

  constructor(steps: readonly StepPlan[], options: FakeJobOptions = {}) {
    this.state = new JobState({ env: new Map(Object.entries(options.env ?? {})), path: [], jobStatus: null });
    this.#runner = new StepsRunner({
      steps,
      firstNumber: options.firstNumber ?? 1,
      stages: options.stages,
      frame: {
        state: this.state,
        contexts: () => ({ github: { actor: 'octocat' }, ...options.contexts }),
        hashFiles: options.hashFiles ?? (() => Promise.resolve('')),
        processes: NO_PROCESSES,
        ladder: DEFAULT_LADDER,
        clock: this.clock,
        graceMs: GRACE_MS,
      },
      openLog: options.openLog ?? ((record, onAnnotation) => this.#openLog(record.number, onAnnotation)),
      cancel: this.cancel.signal,
      kill: this.kill.signal,
      handlers: { run: (plan, scope) => this.#play(plan, scope), uses: (plan, scope) => this.#play(plan, scope) },
      postStages: () => options.postStages?.(this) ?? [],
      records: {
        clock: this.clock,
        mask: (text) => text.replaceAll('hunter2', '***'),
        observer: {
          declared: (step) => void this.#rows.set(step.number, step),
          changed: (step, state) => {
            this.#changed(step, state);
            options.onChanged?.(step, state);
          },
          annotated: () => undefined,
        },
      },
      maxBackground: options.maxBackground ?? 10,
      waitNoticeMs: NOTICE_MS,
    });
  }

  /** Starts, and returns when everything waits for the test. `ended` resolves with the reports. */
  async start(): Promise<{ readonly ended: Promise<readonly StepReport[]> }> {
    const ended = this.#runner.run();
    // Who awaits `ended` hears of it; until then a rejection is not a stray one.
    ended.catch(() => undefined);
    await settle();
    return { ended };
  }

  /** For jobs that come to their end on their own. */
  async run(): Promise<readonly StepReport[]> {
    return (await this.start()).ended;
  }

  /** Lets a step go on that is at a `hold`, and everything else as far as it gets. */
  async finish(id: string): Promise<void> {
    this.playing(id).go();
    await settle();
  }

  isPlaying(id: string): boolean {
    return this.#playing.has(id);
  }

  playing(id: string): Playing {
    const playing = this.#playing.get(id);
    if (!playing) throw new Error(`${id} does not run; there run ${[...this.#playing.keys()].join(', ') || 'none'}`);
    return playing;
  }

  /** The ids of the steps that run. */
  get running(): readonly string[] {
    return [...this.#playing.keys()];
  }

  /** What a step was given, also after it has ended. */
  scope(id: string): StepScope {
    const scope = this.#scopes.get(id);
    if (!scope) throw new Error(`${id} never started`);
    return scope;
  }

  /** The newest row of a step, by id or name. */
  step(idOrName: string): StepReport {
    const rows = [...this.#rows.values()];
    const found = rows.find(({ id }) => id === idOrName) ?? rows.find(({ name }) => name === idOrName);
    if (!found) throw new Error(`no step ${idOrName}; there are ${rows.map(({ name }) => name).join(', ')}`);
    return found;
  }

  get reports(): readonly StepReport[] {
    return [...this.#rows.values()];
  }

  log(idOrName: string): readonly string[] {
    return this.#logs.get(this.step(idOrName).number) ?? [];
  }

  /** A post stage of a step; plays the script as a step of the id `post-ID`. */
  post(step: ActionStepPlan, condition = 'always()', script = ''): ActionStage {
    const plan = fg(`post-${step.id}`, script);
    return { step, displayName: `Post ${step.id}`, condition, run: (scope) => this.#play(plan, scope) };
  }

  async #play(plan: ActionStepPlan, scope: StepScope): Promise<HandlerResult> {
    this.history.push(`+${plan.id}`);
    this.#scopes.set(plan.id, scope);
    if (plan.background) this.most = Math.max(this.most, ++this.#background);
    const playing: Playing = { plan, scope, go: () => undefined };
    this.#playing.set(plan.id, playing);
    try {
      const script = plan.kind === 'run' ? evaluateText(plan.run, { contexts: scope.contexts }) : '';
      return await this.#script(script, playing);
    } finally {
      if (plan.background) this.#background--;
      this.#playing.delete(plan.id);
      this.history.push(`-${plan.id}`);
    }
  }

  async #script(script: string, playing: Playing): Promise<HandlerResult> {
    const { scope } = playing;
    const effects = { outputs: new Map<string, string>(), env: new Map<string, string>(), path: [] as string[] };
    const result = { reason: null, exitCode: 0, signal: null, effects, summary: null };
    for (const line of script.split('\n')) {
      const [command, rest] = splitAt(line.trim(), ' ');
      const [name, value] = splitAt(rest, '=');
      if (command === 'env') effects.env.set(name, value);
      else if (command === 'output') effects.outputs.set(name, value);
      else if (command === 'path') effects.path.push(rest);
      else if (command === 'echo') scope.log.line(rest);
      else if (command === 'throw') throw new Error(rest);
      else if (command === 'exit' && rest !== '0') return { ...result, outcome: 'failure', exitCode: Number(rest) };
      else if (command === 'hold' || command === 'stubborn' || command === 'deaf') {
        const signal = command === 'hold' ? scope.signal : command === 'stubborn' ? scope.kill : null;
        if ((await this.#wait(playing, signal)) === 'stopped') return { ...result, outcome: 'stopped', exitCode: null };
      }
    }
    return { ...result, outcome: 'success' };
  }

  #wait(playing: Playing, signal: AbortSignal | null): Promise<'gone on' | 'stopped'> {
    return new Promise((resolve) => {
      playing.go = () => resolve('gone on');
      if (signal?.aborted) resolve('stopped');
      signal?.addEventListener('abort', () => resolve('stopped'), { once: true });
    });
  }

  #changed(step: StepReport, state: StepState): void {
    this.#rows.set(step.number, step);
    this.states.push(`${step.id ?? step.name} ${state}`);
    if (state === 'completed') this.completions.set(step.number, (this.completions.get(step.number) ?? 0) + 1);
  }

  #openLog(number: number, onAnnotation: (annotation: Annotation) => void): StepLog {
    if (this.#logs.has(number)) throw new Error(`the log of step ${String(number)} is open already`);
    const lines: string[] = [];
    this.#logs.set(number, lines);
    return fakeLog(lines, onAnnotation);
  }
}

export function fakeLog(lines: string[], onAnnotation: (annotation: Annotation) => void = () => undefined): StepLog {
  return {
    openOutput: () => {
      throw new Error('fake steps print nothing');
    },
    line: (text) => void lines.push(...text.split('\n')),
    annotate: (annotation) => {
      lines.push(`##[${annotation.level}]${annotation.message}`);
      onAnnotation(annotation);
    },
    debug: () => undefined,
    get lastLine() {
      return lines.at(-1) ?? null;
    },
  };
}

export const NO_PROCESSES: ProcessHost = {
  start: () => {
    throw new Error('fake steps start no process');
  },
  endLeftovers: () => Promise.resolve([]),
  dispose: () => Promise.resolve(),
};

function splitAt(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + separator.length)];
}
