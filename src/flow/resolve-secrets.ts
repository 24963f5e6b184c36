import { evaluateText } from '../expressions/evaluate.ts';
import type { JsonMap } from '../protocol/job-message.ts';
import type { TemplateMap } from '../protocol/plan.ts';

/** The `secrets` mapping of one call. Values come in when the host resolves it. */
export interface SecretsLayer {
  readonly secrets: TemplateMap;
  /** Those of the caller that differ from job to job: `inputs`, `needs`, `strategy`, `matrix`. */
  readonly contexts: JsonMap;
}

/** Passed to every called workflow, whatever is mapped. */
const ALWAYS_PASSED = 'GITHUB_TOKEN';

/**
 * The secrets of a job of a called workflow: each call sees those of its caller and hands on what it maps; what maps to
 * an empty text is not set.
 * @throws ExpressionError
 */
export function resolveSecrets(
  secrets: Readonly<Record<string, string>>,
  layers: readonly SecretsLayer[],
  shared: { readonly github: JsonMap; readonly vars: JsonMap },
): Readonly<Record<string, string>> {
  return layers.reduce<Readonly<Record<string, string>>>((current, layer) => {
    const contexts = { ...shared, ...layer.contexts, secrets: current };
    const mapped = Object.entries(layer.secrets)
      .map(([name, value]) => [name, evaluateText(value, { contexts })] as const)
      .filter(([, value]) => value !== '');
    const token = current[ALWAYS_PASSED];
    return Object.fromEntries([...(token === undefined ? [] : [[ALWAYS_PASSED, token] as const]), ...mapped]);
  }, secrets);
}
