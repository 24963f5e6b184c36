import { evaluateText, ExpressionError, type EvaluationInput } from '../expressions/evaluate.ts';
import type { TemplateMap } from '../protocol/plan.ts';

export interface JobOutputs {
  readonly outputs: Readonly<Record<string, string>>;
  /** Sentences about outputs that were left out. */
  readonly warnings: readonly string[];
  /** Sentences; any of them fails the job. */
  readonly errors: readonly string[];
}

/** GitHub's limit, for all outputs of one job. */
export const MAX_JOB_OUTPUTS_BYTES = 1024 * 1024;

/**
 * Evaluates the outputs of a job when all its steps have ended (runner-behaviour 2.5). Empty ones are left out, and so is
 * what holds a secret: others would see it in clear.
 */
export function evaluateJobOutputs(
  templates: TemplateMap,
  input: EvaluationInput,
  mask: (text: string) => string,
): JobOutputs {
  const outputs = new Map<string, string>();
  const warnings: string[] = [];
  const errors: string[] = [];
  let bytes = 0;
  for (const [name, template] of Object.entries(templates)) {
    try {
      const value = evaluateText(template, input);
      if (value === '') continue;
      if (mask(value) !== value) {
        warnings.push(`The output '${name}' is left out, because it may hold a secret.`);
        continue;
      }
      const size = Buffer.byteLength(value);
      if (bytes + size > MAX_JOB_OUTPUTS_BYTES) {
        errors.push(
          `The outputs of the job are more than ${MAX_JOB_OUTPUTS_BYTES} bytes with '${name}', which was left out.`,
        );
        continue;
      }
      bytes += size;
      outputs.set(name, value);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      errors.push(`The output '${name}' of the job could not be had. ${error.message}`);
    }
  }
  return { outputs: Object.fromEntries(outputs), warnings, errors };
}
