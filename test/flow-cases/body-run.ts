import type { StartJob } from '../../src/flow/flow-event.ts';
import { evaluateCondition } from '../../src/expressions/evaluate.ts';
import type { FlowWish } from '../../src/protocol/flow-plan.ts';
import type { Behaviour } from './behaviour.ts';
import { toText } from '../../src/expressions/evaluate.ts';
import { TICK_MS } from './translate-flow.ts';
import { translateExpression } from './translate-expression.ts';
import type { Body } from './translate-jobs.ts';

/** One execution of a body. */
export interface BodyRun {
  readonly run: number;
  readonly key: string;
  readonly path: string;
  /** Of its body in the case. */
  readonly number: number;
  /** 0 without instances, else from 1. */
  readonly instance: number;
  readonly iteration: number;
  readonly retry: number;
  readonly command: StartJob;
  /** Executions of the same instance before this one, and of the whole job. */
  readonly earlier: number;
  readonly earlierOfJob: number;
  /** Milliseconds since the epoch, and its place in the world's order. */
  readonly startedAt: number;
  readonly started: number;
  end: (BodyEnd & { readonly at: number; readonly order: number }) | null;
}

export interface BodyEnd {
  readonly conclusion: 'success' | 'failure' | 'cancelled';
  readonly outputs: Readonly<Record<string, string>>;
  readonly wish: FlowWish | undefined;
}

/** When it emits and ends, in ticks after its start. */
export function lengthOf(
  behaviour: Behaviour,
  instance: number,
): { readonly emits: readonly number[]; readonly endsAfter: number } {
  const { ticks, ticksOf, emit } = behaviour;
  const first = ticksOf[instance - 1] ?? ticks;
  const times = Array.from({ length: emit.times }, (_, index) => first + index * emit.every);
  return { emits: times.slice(0, -1), endsAfter: times.at(-1) ?? first };
}

/** What comes of it, as a worker would report it. */
export function endOfBody(body: BodyRun, { behaviour, find }: Body): BodyEnd {
  const { earlier, earlierOfJob, instance, command } = body;
  const { transient, jump } = behaviour;
  const outputs = outputsOf(body, behaviour);
  const retry = command.plan.flow?.retry ?? null;
  if (transient && earlier < transient.times) {
    const { carry, after } = transient;
    const state = carry === null ? {} : { [carry]: String(carriedOf(body, carry) + 1) };
    const afterMs = after === null ? null : after * TICK_MS;
    return { conclusion: 'failure', outputs, wish: { goto: null, retry: { afterMs, state } } };
  }
  const fails = earlier < (behaviour.failsOf[instance - 1] ?? behaviour.fails);
  if (fails || !holds(body, behaviour.assert, find)) {
    const again = retry !== null && retry.exitCodes === null;
    return {
      conclusion: 'failure',
      outputs,
      wish: again ? { goto: null, retry: { afterMs: null, state: {} } } : undefined,
    };
  }
  const jumps = jump !== null && earlierOfJob < jump.times;
  const goto = jumps ? { target: jump.to, with: texts(jump.with) } : null;
  return { conclusion: 'success', outputs, wish: goto ? { goto, retry: null } : undefined };
}

/** What the attempts before it left under the name. */
export function carriedOf({ command }: BodyRun, name: string): number {
  const state = command.contexts.flow['state'];
  return Number((state as Readonly<Record<string, unknown>> | null)?.[name] ?? 0);
}

function outputsOf({ command }: BodyRun, { outputs, inc, echoItem }: Behaviour): Record<string, string> {
  const { loop, matrix } = command.contexts;
  const item = matrix?.['item'];
  return {
    ...texts(outputs),
    ...Object.fromEntries(inc.map((name) => [name, String(Number(loop?.[name] ?? NaN) + 1)])),
    ...(echoItem ? { item: textOf(item ?? '') } : {}),
  };
}

function holds({ command }: BodyRun, assert: Behaviour['assert'], find: Body['find']): boolean {
  if (assert === null) return true;
  const { needs, matrix, loop, inputs, strategy, flow } = command.contexts;
  const contexts = { needs, matrix, loop, inputs, strategy, flow, github: {} };
  const status = { success: true, failure: false, cancelled: false };
  return evaluateCondition(translateExpression(assert, find), { contexts, status });
}

function texts(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, textOf(value)]));
}

/** Outputs are texts. */
export function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : toText(value as string | number | boolean);
}
