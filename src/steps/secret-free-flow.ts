import type { FlowRequest } from '../protocol/flow-plan.ts';
import type { FlowEffects } from './step-effects.ts';

export interface SecretFree {
  readonly requests: readonly FlowRequest[];
  readonly flow: FlowEffects;
  /** Sentences about what was left out. */
  readonly warnings: readonly string[];
}

/**
 * Leaves out what holds a secret: the flow of a run is kept with its events, and other jobs see it. As with the outputs of
 * a job, a part that is masked would be of no use to anybody.
 */
export function secretFreeFlow(
  requests: readonly FlowRequest[],
  flow: FlowEffects,
  mask: (text: string) => string,
): SecretFree {
  const warnings: string[] = [];
  const isClean = (text: string): boolean => mask(text) === text;
  const keep = (what: string, ...texts: string[]): boolean => {
    const clean = texts.every(isClean);
    if (!clean) warnings.push(`${what} is left out, because it may hold a secret.`);
    return clean;
  };
  const cleanMap = (what: string, map: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
    new Map([...map].filter(([name, value]) => keep(`'${isClean(name) ? name : '***'}' of ${what}`, name, value)));
  return {
    requests: requests.filter((request) => keep(NAMES[request.kind], ...textsOf(request))),
    flow: {
      goto:
        flow.goto === null || !keep('The jump', flow.goto.target)
          ? null
          : { target: flow.goto.target, with: cleanMap('the jump', flow.goto.with) },
      retryState: cleanMap('the state for another attempt', flow.retryState),
      retryAfterMs: flow.retryAfterMs,
    },
    warnings,
  };
}

const NAMES: Readonly<Record<FlowRequest['kind'], string>> = {
  signal: 'A signal',
  'add-instances': 'An instance',
  cancel: 'A cancellation',
  complete: 'A completion',
  emit: 'An early completion',
};

/** As they are, not as JSON writes them: escaping could hide a secret. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [String(value)];
  return Object.entries(value).flatMap(([key, member]) => [key, ...textsOf(member)]);
}
