import type { Diagnostic } from '../protocol/diagnostic.ts';
import type { WorkflowPlan } from '../protocol/plan.ts';
import { checkWorkflow } from './check-workflow.ts';
import { lowerWorkflow } from './lower-workflow.ts';
import { readDocument } from './read-document.ts';

/**
 * Reads a workflow file. Never throws, whatever the file holds, and does not stop at the first problem.
 * @param file Its name in diagnostics and positions.
 * @returns `plan` is null when there is any error; warnings leave it.
 */
export function parseWorkflow(
  source: string | Uint8Array,
  file: string,
): { readonly plan: WorkflowPlan | null; readonly diagnostics: readonly Diagnostic[] } {
  const { root, text, problems } = readDocument(source, file);
  if (root !== null) checkWorkflow(root, text, problems);
  const plan = root === null || problems.hasErrors ? null : lowerWorkflow(root, file, problems);
  return { plan, diagnostics: problems.inOrder() };
}
