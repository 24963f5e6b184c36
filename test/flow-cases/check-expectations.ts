import type { ShownFlow } from '../../src/flow/show-flow.ts';
import { type BodyRun, carriedOf, textOf } from './body-run.ts';
import { checkRelations, isRelation } from './check-relations.ts';
import type { CaseEvent } from './case-events.ts';
import { CaseProblem, isMap, plainName, said } from './fields.ts';
import { hasJob, readJobName, readKey } from './job-name.ts';
import { findJob, jobStatus, pathsOf } from './shown-jobs.ts';
import type { TranslatedCase } from './translate-case.ts';
import { TICK_MS } from './translate-flow.ts';
import { childRuns } from './child-runs.ts';
import { isRunStatus, isStatusWord } from './run-status.ts';
import type { World } from './world.ts';

/** How a case ended. */
export interface Outcome {
  readonly translated: TranslatedCase;
  readonly world: World;
  /** By run. */
  readonly shown: readonly ShownFlow[];
  readonly keys: readonly (readonly string[])[];
}

/** What differs from what the case expects, a line each. */
export function checkExpectations(outcome: Outcome): string[] {
  const { translated, world } = outcome;
  const differences = Object.entries(translated.expect).flatMap(([name, expected]) => {
    const plain = plainName(name);
    try {
      if (isRelation(plain)) return checkRelations(plain, expected, outcome).map((line) => `${name}: ${line}`);
      const check = CHECKS[plain];
      if (!check) return [`unknown word '${name}' in expect`];
      return check(expected, outcome).map((line) => `${name}${line}`);
    } catch (error) {
      if (error instanceof CaseProblem) return [`${name}: ${error.message}`];
      throw error;
    }
  });
  if (Object.keys(translated.expect).length === 0) differences.push('it expects nothing');
  const missed = world.missed.map((number) => `event ${number}: what it comes after was never reached`);
  return [...differences, ...missed, ...strangers(translated)];
}

/** Events for jobs that are not there, of a case that does not mean them to be refused. */
function strangers({ events, expect }: TranslatedCase): string[] {
  if (Object.keys(expect).some((name) => plainName(name) === REJECTED)) return [];
  return events.flatMap(({ stranger }, index) =>
    stranger === null ? [] : [`event ${index + 1}: there is no job '${stranger}'`],
  );
}

const REJECTED = 'rejectedevents';

type Check = (expected: unknown, outcome: Outcome) => string[];

const CHECKS: Readonly<Record<string, Check>> = {
  run: (expected, { shown }) => {
    const got = shown[0]!.run;
    if (typeof expected === 'string' && isRunStatus(expected, got)) return [];
    return [differs('', expected, got)];
  },
  runs: (expected, { shown }) => {
    const got = shown.map(({ run }) => run);
    if (typeof expected === 'number') return same('', expected, got.length);
    if (isMap(expected)) return sameCounts(expected, got);
    if (!Array.isArray(expected)) return [differs('', expected, got)];
    const all = expected.length === got.length && got.every((run, index) => isRunStatus(String(expected[index]), run));
    return all ? [] : [differs('', expected, got)];
  },
  runscount: (expected, { shown }) => {
    const got = shown.map(({ run }) => run);
    return isMap(expected) ? sameCounts(expected, got) : same('', expected, got.length);
  },
  jobs: (expected, outcome) => each(expected, (name, status) => checkStatus(name, status, outcome)),
  instancesstatus: (expected, outcome) => each(expected, (name, status) => checkStatus(name, status, outcome)),
  executions: (expected, outcome) =>
    each(expected, (name, count) => same(` of ${name}`, count, executionsOf(name, outcome))),
  attempts: (expected, outcome) =>
    each(ofRetried(expected, outcome), (name, count) => {
      const bodies = bodiesOf(name, outcome);
      const last = bodies.at(-1);
      const newest = bodies.filter(({ iteration, run }) => iteration === last?.iteration && run === last.run);
      return same(` of ${name}`, count, Math.max(0, ...newest.map(({ retry }) => retry)));
    }),
  carried: (expected, outcome) =>
    each(ofRetried(expected, outcome), (name, count) => {
      const last = bodiesOf(name, outcome).at(-1);
      const carry = last && outcome.translated.bodies[last.number]!.behaviour.transient?.carry;
      return same(` to ${name}`, count, last && carry ? carriedOf(last, carry) : null);
    }),
  attemptgapatleast: (expected, outcome) =>
    each(ofRetried(expected, outcome), (name, ticks) => {
      const bodies = bodiesOf(name, outcome);
      const gaps = bodies.slice(1).map((body, index) => (body.startedAt - (bodies[index]?.end?.at ?? 0)) / TICK_MS);
      if (gaps.length === 0) return [differs(` of ${name}`, ticks, 'no second attempt')];
      const least = Math.min(...gaps);
      return least >= Number(ticks) ? [] : [differs(` of ${name}`, `at least ${said(ticks)} ticks`, least)];
    }),
  instances: (expected, outcome) =>
    each(expected, (name, count) => same(` of ${name}`, count, instancesOf(name, outcome))),
  instanceitems: (expected, outcome) => {
    const all = outcome.world.bodies.filter(
      ({ number }) => outcome.translated.bodies[number]?.behaviour.echoItem === true,
    );
    const items = (bodies: readonly BodyRun[]): string[] =>
      [...bodies]
        .sort((one, other) => one.instance - other.instance)
        .flatMap(({ end }) => (end ? [end.outputs['item'] ?? ''] : []));
    const texts = (list: unknown): unknown => (Array.isArray(list) ? list.map(textOf) : list);
    if (!isMap(expected)) return same('', texts(expected), items(all));
    return each(expected, (name, list) => same(` of ${name}`, texts(list), items(bodiesOf(name, outcome))));
  },
  hooks: (expected, { world, translated }) =>
    each(expected, (name, hooks) => {
      demandJob(name, translated);
      return same(` of ${name}`, [hooks].flat().map(hookName), world.hooks.get(name) ?? []);
    }),
  received: (expected, outcome) => checkSignals(expected, receivedOf(outcome), outcome),
  buffered: (expected, outcome) =>
    checkSignals(
      expected,
      outcome.shown.flatMap(({ signals }) => signals),
      outcome,
    ),
  [REJECTED]: (expected, { world }) => same('', expected, world.rejected),
  childruns: (expected, outcome) => {
    const children = childrenOf(outcome);
    const statuses = children.map(({ status }) => status);
    if (typeof expected === 'number') return same('', expected, children.length);
    if (Array.isArray(expected)) return same('', [...(expected as unknown[])].sort(), [...statuses].sort());
    return each(expected, (name, wanted) => {
      demandChild(name, outcome.translated);
      const own = children.filter(
        ({ pipeline, scope }) => pipeline === name || readKey(scope).id === outcome.translated.planId(name),
      );
      const got = own.map(({ status }) => status);
      if (typeof wanted === 'number') {
        const isStatus = children.some(({ status }) => status === name) || own.length === 0;
        return same(` of ${name}`, wanted, isStatus ? statuses.filter((status) => status === name).length : own.length);
      }
      return same(` of ${name}`, [wanted].flat().sort(), got.sort());
    });
  },
  childrunscount: (expected, outcome) => {
    const children = childrenOf(outcome);
    if (!isMap(expected)) return same('', expected, children.length);
    return each(expected, (name, count) => {
      demandChild(name, outcome.translated);
      const matching = children.filter(({ pipeline, status }) => pipeline === name || status === name);
      return same(` of ${name}`, count, matching.length);
    });
  },
  oneof: (expected, outcome) =>
    each(expected, (status, names) => {
      demandStatus(status);
      if (!Array.isArray(names)) throw new CaseProblem(`one_of has to be lists of ids, not ${said(names)}`);
      const got = names.map((name) => statusOf(String(name), outcome));
      return got.filter((one) => one === status).length === 1
        ? []
        : [differs(` ${status}`, `one of ${names.join(', ')}`, got)];
    }),
};

/** Relations take bodies by the names of a case. */
export function bodiesOf(name: string, { translated, world }: Outcome): BodyRun[] {
  demandJob(name, translated);
  const { path, instance } = readJobName(name, translated);
  const all = world.bodies.map((body) => body.path);
  const paths = pathsOf(all, path, hasBody(name, translated));
  const own = world.bodies.filter((body) => paths.has(body.path));
  if (instance === null) return own;
  // A job without instances that is begun again and again has an iteration for each.
  const numbered = own.some((body) => body.instance > 0);
  return own.filter((body) => (numbered ? body.instance : body.iteration) === instance + 1);
}

function hasBody(name: string, translated: TranslatedCase): boolean {
  const { path } = readJobName(name, translated);
  return translated.withBody.has(readKey(path).id);
}

function checkStatus(name: string, expected: unknown, outcome: Outcome): string[] {
  const got = statusOf(name, outcome);
  if (got === expected) return [];
  const isPaused = expected === 'paused' && outcome.shown[0]!.run === 'paused' && PAUSABLE.includes(got);
  return isPaused ? [] : [differs(`.${name}`, expected, got)];
}

/** What a job of a paused run may be: nothing of it goes on. */
const PAUSABLE: readonly string[] = ['pending', 'queued', 'waiting', 'running'];

function statusOf(name: string, { shown, translated }: Outcome): string {
  demandJob(name, translated);
  return jobStatus(shown[0]!, readJobName(name, translated));
}

/** Bodies, and of a job without one of its own how often it was begun. */
function executionsOf(name: string, outcome: Outcome): number {
  demandJob(name, outcome.translated);
  const { path, instance } = readJobName(name, outcome.translated);
  if (instance !== null || hasBody(name, outcome.translated)) return bodiesOf(name, outcome).length;
  const job = findJob(outcome.shown[0]!, path);
  return job === null || job.status === 'skipped' || job.status === 'pending' ? 0 : job.iteration;
}

function instancesOf(name: string, outcome: Outcome): number {
  demandJob(name, outcome.translated);
  const { path } = readJobName(name, outcome.translated);
  const job = findJob(outcome.shown[0]!, path);
  const numbered = job?.instances.filter(({ key }) => readKey(key).instance !== null) ?? [];
  if (numbered.length > 0) return numbered.length;
  return job === null || job.status === 'skipped' || job.status === 'pending' ? 0 : job.instances.length;
}

interface NamedSignal {
  readonly name: string;
  readonly job: string | null;
}

function receivedOf({ world }: Outcome): NamedSignal[] {
  return world.bodies.flatMap(({ command, path }) => {
    const signal = command.contexts.flow['signal'];
    return isMap(signal) ? [{ name: textOf(signal['name']), job: path }] : [];
  });
}

/** A number, a name, names, or one of these by job or by name of the signal. */
function checkSignals(expected: unknown, got: readonly NamedSignal[], outcome: Outcome): string[] {
  const names = (signals: readonly NamedSignal[]): string[] => signals.map(({ name }) => name).sort();
  const compare = (where: string, wanted: unknown, signals: readonly NamedSignal[]): string[] => {
    if (typeof wanted === 'number') return same(where, wanted, signals.length);
    if (typeof wanted === 'boolean') return same(where, wanted, signals.length > 0);
    const list = [wanted].flat().map((one) => (isMap(one) ? String(one['signal'] ?? one['name']) : one));
    return same(where, list.sort(), names(signals));
  };
  if (!isMap(expected)) return compare('', expected, got);
  return each(expected, (name, wanted) => {
    const id = outcome.translated.planId(name);
    const isSignal = outcome.translated.events.some(({ act }) => isSignalOf(act, name));
    if (!isSignal) demandJob(name, outcome.translated);
    const ofJob = got.filter(({ job }) => job !== null && (job === id || readKey(job).id === id));
    const isJob = ofJob.length > 0 || findJob(outcome.shown[0]!, id) !== null;
    return compare(` ${name}`, wanted, isJob ? ofJob : got.filter((signal) => signal.name === name));
  });
}

function isSignalOf(act: CaseEvent['act'], name: string): boolean {
  return act.kind === 'request' && act.request.kind === 'signal' && act.request.name === name;
}

/** A name that nothing has would be as expected wherever nothing is expected. @throws CaseProblem */
function demandJob(name: string, translated: TranslatedCase): void {
  if (!hasJob(name, translated)) throw new CaseProblem(`there is no job '${name}'`);
}

/** A pipeline, a job that calls one, or a status. @throws CaseProblem */
function demandChild(name: string, translated: TranslatedCase): void {
  const isPipeline = [...translated.pipelines.values()].includes(name);
  if (!isPipeline && !isStatusWord(name)) demandJob(name, translated);
}

/** @throws CaseProblem */
function demandStatus(word: string): void {
  if (!isStatusWord(word)) throw new CaseProblem(`there is no status '${word}'`);
}

function childrenOf({ translated, shown, keys }: Outcome) {
  return shown.flatMap((one, run) => childRuns(translated, one, keys[run]!));
}

function hookName(written: unknown): string {
  return String(written).replace(/^on[-_]/, '');
}

function sameCounts(expected: Record<string, unknown>, got: readonly string[]): string[] {
  return each(expected, (status, count) => {
    demandStatus(status);
    return same(` ${status}`, count, got.filter((one) => isRunStatus(status, one as ShownFlow['run'])).length);
  });
}

/** Without a name: of all jobs that were retried. */
function ofRetried(expected: unknown, { world, translated }: Outcome): unknown {
  if (isMap(expected)) return expected;
  const retried = world.bodies.filter(
    ({ number, retry }) => retry > 1 || translated.bodies[number]?.behaviour.transient,
  );
  return Object.fromEntries(retried.map(({ path }) => [path, expected]));
}

function each(expected: unknown, check: (name: string, value: unknown) => string[]): string[] {
  if (!isMap(expected)) throw new CaseProblem(`an object by id was expected, not ${said(expected)}`);
  return Object.entries(expected).flatMap(([name, value]) => check(name, value));
}

function same(where: string, expected: unknown, got: unknown): string[] {
  return JSON.stringify(expected) === JSON.stringify(got) ? [] : [differs(where, expected, got)];
}

function differs(where: string, expected: unknown, got: unknown): string {
  const text = (value: unknown): string => (typeof value === 'string' ? value : said(value));
  return `${where}: expected ${text(expected)}, got ${text(got)}`;
}
