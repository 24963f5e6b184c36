import { isDefaultLabel } from '../../protocol/default-labels.ts';
import type { JitTerms } from './create-jit.ts';
import { Refusal } from '../operation.ts';

/** A runner made by a configuration for one job has the labels of that, beside those of its machine. @throws Refusal */
export function demandJitLabels({ name, labels }: JitTerms, asked: readonly string[]): void {
  const other = labelsBeyond(labels, asked)[0];
  if (other !== undefined)
    throw new Refusal(
      'unauthorized',
      'scope-missing',
      `the configuration of the runner ${name} does not give the label '${other}'`,
    );
}

/** Those that are neither given, in whatever case, nor what runners are called by their machine. */
export function labelsBeyond(given: readonly string[], asked: readonly string[]): string[] {
  const known = new Set(given.map((label) => label.toLowerCase()));
  return asked.filter((label) => !known.has(label.toLowerCase()) && !isDefaultLabel(label));
}
