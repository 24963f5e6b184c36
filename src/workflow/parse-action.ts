import type { Diagnostic } from '../protocol/diagnostic.ts';
import { ACTION } from './action-grammar.ts';
import type { ActionManifest } from './action-manifest.ts';
import { checkGrammar } from './check-grammar.ts';
import { checkKeys, checkStepReferences } from './check-references.ts';
import { checkSteps } from './check-steps.ts';
import { lowerAction } from './lower-action.ts';
import { readDocument } from './read-document.ts';
import { child, entriesOf } from './yaml-node.ts';

/**
 * Reads an `action.yml`. Never throws, whatever the file holds, and does not stop at the first problem.
 * @param file Its name in diagnostics and positions.
 * @returns `manifest` is null when there is any error; warnings leave it.
 */
export function parseAction(
  source: string | Uint8Array,
  file: string,
): { readonly manifest: ActionManifest | null; readonly diagnostics: readonly Diagnostic[] } {
  const { root, text, problems } = readDocument(source, file);
  if (root === null) return { manifest: null, diagnostics: problems.inOrder() };
  checkGrammar(root, ACTION, text, problems);
  const steps = child(child(root, 'runs'), 'steps');
  const inputs = new Map(entriesOf(child(root, 'inputs')).map(({ key }) => [key.toLowerCase(), key]));
  const known = { contexts: { inputs, needs: null }, text, problems };
  checkSteps(steps, problems);
  checkStepReferences(steps, known);
  if (root.kind === 'map') checkKeys(root, ['outputs'], steps, known);
  const manifest = problems.hasErrors ? null : lowerAction(root, problems);
  return { manifest, diagnostics: problems.inOrder() };
}
