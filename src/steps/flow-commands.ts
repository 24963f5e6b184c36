import { type FlowRequest, MAX_MINUTES } from '../protocol/flow-plan.ts';
import type { TemplateMap } from '../protocol/plan.ts';
import { parsePairs, parsePathLines } from './parse-file-command.ts';
import type { FlowEffects } from './step-effects.ts';

/** Files by which a step has a say in the flow of its run. They are not there until the step writes them. */
export const FLOW_VARIABLES = [
  'PACELINE_CANCEL',
  'PACELINE_COMPLETE',
  'PACELINE_EMIT',
  'PACELINE_GOTO',
  'PACELINE_INSTANCES',
  'PACELINE_RETRY_AFTER',
  'PACELINE_RETRY_STATE',
  'PACELINE_SIGNAL',
] as const;
export type FlowVariable = (typeof FLOW_VARIABLES)[number];

export interface FlowCommands {
  /** Take effect when the step has ended, in this order. */
  readonly requests: readonly FlowRequest[];
  /** Null for nothing. */
  readonly effects: FlowEffects | null;
  readonly problems: readonly { readonly variable: FlowVariable; readonly message: string }[];
}

/** For who writes no flow commands, which is nearly every step. */
export const NO_FLOW_COMMANDS: FlowCommands = { requests: [], effects: null, problems: [] };

/** @param texts What was written, by variable; those that were not written are left out. */
export function parseFlowCommands(texts: ReadonlyMap<FlowVariable, string>, platform: NodeJS.Platform): FlowCommands {
  const reader = new FlowCommandReader(texts, platform);
  return {
    requests: [
      ...reader.emits(),
      ...reader.signals(),
      ...reader.instances(),
      ...reader.completes(),
      ...reader.cancels(),
    ],
    effects: { goto: reader.goto(), retryState: reader.retryState(), retryAfterMs: reader.retryAfter() },
    problems: reader.problems,
  };
}

class FlowCommandReader {
  readonly problems: { variable: FlowVariable; message: string }[] = [];
  readonly #texts: ReadonlyMap<FlowVariable, string>;
  readonly #platform: NodeJS.Platform;

  constructor(texts: ReadonlyMap<FlowVariable, string>, platform: NodeJS.Platform) {
    this.#platform = platform;
    const tooLong = [...texts].filter(([, text]) => text.length > MAX_CHARACTERS);
    for (const [variable, { length }] of tooLong)
      this.#problem(variable, `It has ${length} characters, and at most ${MAX_CHARACTERS} are taken.`);
    this.#texts = new Map([...texts].filter(([, text]) => text.length <= MAX_CHARACTERS));
  }

  /** `NAME`, `NAME=DATA`, `NAME@JOB=DATA` */
  signals(): FlowRequest[] {
    return this.#pairs('PACELINE_SIGNAL').map(([addressed, data]) => {
      const at = addressed.indexOf('@');
      const name = at < 0 ? addressed : addressed.slice(0, at);
      const job = at < 0 ? null : addressed.slice(at + 1);
      if (name === '' || job === '')
        this.#problem('PACELINE_SIGNAL', `'${addressed}' is no signal; expected NAME, NAME=DATA or NAME@JOB=DATA.`);
      return { kind: 'signal' as const, name, job, data: data === '' ? null : data, persistent: true };
    });
  }

  /** `JOB`, `JOB={"os": "linux"}` */
  instances(): FlowRequest[] {
    const items = new Map<string, TemplateMap[]>();
    for (const [job, text] of this.#pairs('PACELINE_INSTANCES')) {
      const item = text === '' ? {} : objectOf(text);
      if (item === null) this.#problem('PACELINE_INSTANCES', `What is given to '${job}' is no JSON object.`);
      else items.set(job, [...(items.get(job) ?? []), item]);
    }
    return [...items].map(([job, given]) => ({ kind: 'add-instances', job, items: given }));
  }

  completes(): FlowRequest[] {
    return this.#lines('PACELINE_COMPLETE').map((job) => ({ kind: 'complete', job }));
  }

  cancels(): FlowRequest[] {
    return this.#lines('PACELINE_CANCEL').map((target) => ({ kind: 'cancel', target }));
  }

  /** Whatever was written, an empty line too; pairs are the outputs that the dependants see. */
  emits(): FlowRequest[] {
    const text = this.#texts.get('PACELINE_EMIT') ?? '';
    return text === '' ? [] : [{ kind: 'emit', outputs: this.#record('PACELINE_EMIT') }];
  }

  /** A line with the id of a job, and pairs that it finds as `flow.with`. */
  goto(): FlowEffects['goto'] {
    const pairs = this.#pairs('PACELINE_GOTO');
    if (pairs.length === 0) return null;
    const target = pairs.findLast(([, value, isBare]) => isBare && value === '')?.[0].trim() ?? '';
    if (target === '') this.#problem('PACELINE_GOTO', 'It has no line with the id of a job.');
    return target === '' ? null : { target, with: new Map(pairs.flatMap(([k, v, bare]) => (bare ? [] : [[k, v]]))) };
  }

  retryState(): ReadonlyMap<string, string> {
    return new Map(this.#pairs('PACELINE_RETRY_STATE').map(([name, value]) => [name, value]));
  }

  retryAfter(): number | null {
    const text = this.#lines('PACELINE_RETRY_AFTER').at(-1) ?? null;
    if (text === null) return null;
    const amount = /^(\d{1,15})(ms|s|m|h)?$/.exec(text);
    const ms = amount ? Number(amount[1]) * (MS_PER_UNIT[amount[2] ?? 's'] ?? 0) : null;
    if (ms !== null && ms <= MAX_MS) return ms;
    this.#problem(
      'PACELINE_RETRY_AFTER',
      ms === null
        ? `'${text}' is no time; expected a number of seconds, or such as 500ms, 30s, 2m.`
        : `'${text}' is too long: the limit is ${MAX_MINUTES}m.`,
    );
    return null;
  }

  #lines(variable: FlowVariable): string[] {
    return parsePathLines(this.#texts.get(variable) ?? '')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  }

  #record(variable: FlowVariable): Record<string, string> {
    return Object.fromEntries(this.#pairs(variable).map(([name, value]) => [name, value]));
  }

  /** `isBare`: a line that is only a name. */
  #pairs(variable: FlowVariable): (readonly [name: string, value: string, isBare: boolean])[] {
    const onlyNames = BARE_NAMES.has(variable);
    const { pairs, bare = NONE, problem } = parsePairs(this.#texts.get(variable) ?? '', this.#platform, onlyNames);
    if (problem !== null) this.#problem(variable, problem);
    return pairs.map(([name, value], index) => [name, value, bare.has(index)]);
  }

  #problem(variable: FlowVariable, message: string): void {
    this.problems.push({ variable, message });
  }
}

const NONE: ReadonlySet<number> = new Set();
const BARE_NAMES: ReadonlySet<FlowVariable> = new Set(['PACELINE_GOTO', 'PACELINE_SIGNAL', 'PACELINE_INSTANCES']);

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const MAX_MS = MAX_MINUTES * 60_000;

/** What a step says to the flow is kept with the events of its run. */
const MAX_CHARACTERS = 65_536;

function objectOf(text: string): TemplateMap | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as TemplateMap) : null;
  } catch {
    return null;
  }
}
