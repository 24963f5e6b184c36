import { evaluateText } from '../expressions/evaluate.ts';
import type { Json, JsonMap } from '../protocol/job-message.ts';
import type { FlowRequest, WaitForPlan } from '../protocol/flow-plan.ts';
import type { JobPlan } from '../protocol/plan.ts';
import type { FlowDraft } from './flow-draft.ts';
import type { SignalState } from './flow-state.ts';
import { nextGate, passGates, SIGNAL, timerId } from './gates.ts';
import { type JobContexts, jobContexts } from './job-contexts.ts';
import { attempt } from './key-problem.ts';

/** Signals that nobody has consumed; a run that is sent more was not made for them. */
const MAX_SIGNALS = 1_000;

/** The first signal that was kept and lets the job go on; it is gone then. */
export function consumeSignal(
  draft: FlowDraft,
  path: string,
  plan: WaitForPlan,
  contexts: JobContexts,
): JsonMap | null {
  if (!plan.buffered) return null;
  const index = draft.signals.findIndex((signal) => matches(signal, path, plan, contexts));
  const signal = draft.signals[index];
  if (!signal) return null;
  draft.signals = draft.signals.filter((_, other) => other !== index);
  return shown(signal);
}

/** @param to The job that it is for, or null. A sentence when it is refused. */
export function receiveSignal(
  draft: FlowDraft,
  { name, data, persistent }: FlowRequest & { kind: 'signal' },
  to: { readonly path: string; readonly plan: JobPlan } | null,
  by: { readonly job: string } | { readonly user: string },
): string | null {
  const isPerson = 'user' in by;
  const signal: SignalState = { name, job: to?.path ?? null, data, by: isPerson ? by.user : by.job, isPerson };
  let forbidden: string | null = null;
  for (const key of draft.listeners) {
    const { job: path } = draft.iterations.get(key);
    const waiting = draft.jobs.get(path);
    const plan = draft.planOf(waiting).flow?.waitFor;
    if (!plan) continue;
    const contexts = jobContexts(draft, waiting, draft.iterations.get(key));
    if (matches(signal, path, plan, contexts)) {
      draft.listeners = draft.listeners.filter((other) => other !== key);
      if (plan.timeoutMinutes !== null) draft.commands.push({ kind: 'clear-timer', id: timerId(key, SIGNAL) });
      draft.iterations.update(key, { signal: shown(signal) });
      nextGate(draft, key, SIGNAL);
      passGates(draft, key);
      return null;
    }
    if (names(signal, path, plan, contexts))
      forbidden = `The signal '${name}' is not ${signal.by}'s to send to '${path}'.`;
  }
  if (forbidden !== null) return forbidden;
  if (to !== null && !to.plan.flow?.waitFor) return `The job '${to.path}' waits for no signal.`;
  const isKept = persistent && to?.plan.flow?.waitFor?.buffered !== false;
  if (!isKept) return `${to === null ? 'No job waits' : `The job '${to.path}' does not wait`} for '${name}' now.`;
  if (draft.signals.length >= MAX_SIGNALS)
    return `The run keeps ${MAX_SIGNALS} signals already that nobody waited for.`;
  draft.signals = [...draft.signals, signal];
  return null;
}

function matches(signal: SignalState, path: string, plan: WaitForPlan, contexts: JobContexts): boolean {
  return names(signal, path, plan, contexts) && mayCome(signal, plan, contexts);
}

function names({ name, job }: SignalState, path: string, plan: WaitForPlan, contexts: JobContexts): boolean {
  if (job !== null && job !== path) return false;
  const wanted = textsOf(plan.signals, contexts);
  return wanted.includes('*') || wanted.includes(name);
}

function mayCome({ by, isPerson }: SignalState, plan: WaitForPlan, contexts: JobContexts): boolean {
  // One that comes to nobody lets nobody.
  return plan.from.length === 0 || (isPerson && textsOf(plan.from, contexts).includes(by));
}

function textsOf(templates: WaitForPlan['from'], contexts: Readonly<Record<string, Json>>): string[] {
  const texts = attempt(() => templates.map((template) => evaluateText(template, { contexts })));
  return texts.kind === 'value' ? texts.value.filter((text) => text !== '') : [];
}

function shown({ name, data, by }: SignalState): JsonMap {
  return { name, data, by };
}
