import type { Clock } from '../kernel/clock.ts';
import type { StepState } from '../protocol/events.ts';
import type { Annotation, StepReport } from '../protocol/report.ts';
import { GENERATED_ID_PREFIX } from './job-state.ts';
import type { StepEnd } from './step-end.ts';
import type { StepObserver } from './step-observer.ts';

export interface StepDeclaration {
  readonly number: number;
  /** A generated id is reported as null. */
  readonly id: string | null;
  /** As far as it is known before the step is reached. */
  readonly name: string;
  readonly kind: StepReport['kind'];
  readonly phase: StepReport['phase'];
  readonly background: boolean;
  readonly group: string | null;
  readonly targets: readonly string[];
}

export interface RecordOptions {
  readonly clock: Clock;
  readonly observer: StepObserver;
  /** Names and outputs of a step may hold secrets. */
  readonly mask: (text: string) => string;
}

/** The row of one step: what its report is made of. Announces itself and every change to the observer. */
export class StepRecord {
  readonly #declaration: StepDeclaration;
  readonly #options: RecordOptions;
  readonly #annotations: Annotation[] = [];
  #name: string;
  #state: StepState = 'pending';
  #queuedAt: number | null = null;
  #startedAt: number | null = null;
  #completedAt: number | null = null;
  #end: StepEnd | null = null;

  constructor(declaration: StepDeclaration, options: RecordOptions) {
    this.#declaration = declaration;
    this.#options = options;
    this.#name = declaration.name;
    options.observer.declared(this.report);
  }

  get number(): number {
    return this.#declaration.number;
  }

  get kind(): StepReport['kind'] {
    return this.#declaration.kind;
  }

  /** For log lines, which are masked on their own. */
  get name(): string {
    return this.#name;
  }

  rename(name: string): void {
    this.#name = name;
  }

  /** Waits for a slot. */
  queued(): void {
    this.#queuedAt = this.#options.clock.now();
    this.#change('queued');
  }

  /** @param at Milliseconds since the epoch, when it began before this call. */
  started(at = this.#options.clock.now()): void {
    this.#startedAt = at;
    this.#change('running');
  }

  /** It was asked to end. */
  cancelling(): void {
    if (this.#state === 'running') this.#change('cancelling');
  }

  /** A bound function. What a step that was written off says later is not taken. */
  readonly annotate = (annotation: Annotation): void => {
    if (this.#state === 'completed') return;
    this.#annotations.push(annotation);
    this.#options.observer.annotated(this.number, annotation);
  };

  completed(end: StepEnd): void {
    if (this.#end !== null) throw new Error(`step ${String(this.number)} completed twice`);
    this.#end = end;
    this.#completedAt = this.#options.clock.now();
    this.#change('completed');
  }

  get report(): StepReport {
    const { number, id, kind, phase, background, group, targets } = this.#declaration;
    const { mask } = this.#options;
    const end = this.#end;
    return {
      number,
      id: id?.startsWith(GENERATED_ID_PREFIX) === true ? null : id,
      name: mask(this.#name),
      kind,
      phase,
      background,
      group,
      targets: [...targets],
      outcome: end?.outcome ?? null,
      conclusion: end?.conclusion ?? null,
      reason: end?.reason ?? null,
      exitCode: end?.exitCode ?? null,
      signal: end?.signal ?? null,
      queuedAt: isoTime(this.#queuedAt),
      startedAt: isoTime(this.#startedAt),
      completedAt: isoTime(this.#completedAt),
      outputs: Object.fromEntries([...(end?.effects.outputs ?? [])].map(([key, value]) => [key, mask(value)])),
      annotations: [...this.#annotations],
      summary: end?.summary ?? null,
    };
  }

  #change(state: StepState): void {
    this.#state = state;
    this.#options.observer.changed(this.report, state);
  }
}

function isoTime(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
