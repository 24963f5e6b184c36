import {
  evaluateTemplate,
  evaluateText,
  ExpressionError,
  toText,
  type EvaluationInput,
} from '../expressions/evaluate.ts';
import type { RunDefaults, StepsJobPlan, Template, TemplateMap } from '../protocol/plan.ts';
import type { ShellDefaults } from '../steps/handler-options.ts';

/**
 * The environment of workflow and job, the later one over the earlier. They do not see each other (runner-behaviour
 * 2.13).
 * @throws ExpressionError
 */
export function evaluateJobEnvironment(
  environments: readonly TemplateMap[],
  input: EvaluationInput,
): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const environment of environments) {
    const evaluated = evaluateTemplate(environment, input) as TemplateMap;
    for (const [name, value] of Object.entries(evaluated)) {
      if (typeof value === 'object' && value !== null) throw new ExpressionError(name, 'its value is not text');
      result.set(name, toText(value));
    }
  }
  return result;
}

/**
 * `defaults.run` of workflow and job, key by key.
 * @throws ExpressionError
 */
export function evaluateDefaults(defaults: readonly RunDefaults[], input: EvaluationInput): ShellDefaults {
  const last = (values: readonly Template[]): string | null => {
    const value = values.findLast((candidate) => candidate !== null) ?? null;
    return value === null ? null : evaluateText(value, input);
  };
  return {
    shell: last(defaults.map(({ shell }) => shell)),
    workingDirectory: last(defaults.map(({ workingDirectory }) => workingDirectory)),
  };
}

/**
 * One sentence for what the job asks for and this version does not have; null when there is nothing. What evaluates to
 * no image asks for nothing, as on GitHub.
 * @throws ExpressionError
 */
export function findUnsupported(
  { container, services }: Pick<StepsJobPlan, 'container' | 'services'>,
  input: EvaluationInput,
): string | null {
  const image = imageOf(container, input);
  if (image !== '') return notSupported(`a job container (${image})`);
  const evaluated = typeof services === 'string' ? evaluateTemplate(services, input) : services;
  const named = Object.entries(isMap(evaluated) ? evaluated : {})
    .filter(([, service]) => imageOf(service, input) !== '')
    .map(([name]) => name);
  if (named.length === 0) return null;
  return notSupported(named.length === 1 ? `a service (${named[0] ?? ''})` : `services (${named.join(', ')})`);
}

function notSupported(what: string): string {
  return `This job asks for ${what}, which this version of Paceline recognises but does not run yet.`;
}

/** Nothing else of a container is looked at: its credentials are nobody's business here. */
function imageOf(container: Template, input: EvaluationInput): string {
  const evaluated = typeof container === 'string' ? evaluateTemplate(container, input) : container;
  return evaluateText(isMap(evaluated) ? (evaluated.image ?? null) : evaluated, input);
}

function isMap(value: Template): value is TemplateMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
