import { quote } from '../expressions/quote.ts';
import type { TextProblem } from './grammar.ts';

/** Names become folders and URLs, so they hold nothing that means something there. */
const OWNER_AND_NAME = /^(?!\.\.?\/)[\w.-]+\/(?!\.\.?(?:\/|$))[\w.-]+(?=\/|$)/;
/** As git's `check-ref-format`, as far as people get it wrong. */
const FORBIDDEN_IN_REF = /[\s~^:?*[\\{]|\.\.|\/\/|^[-/]|\/$/;
const WORKFLOW_PATH = /^\.github\/workflows\/[^/]+\.ya?ml$/;

const EXPECTED_ACTION = '`./path`, `owner/name@ref`, `owner/name/path@ref` or `docker://image`';
const EXPECTED_WORKFLOW = '`./.github/workflows/FILE.yml` or `owner/name/.github/workflows/FILE.yml@ref`';

/** The `uses` of a step. */
export function checkActionUses(uses: string): TextProblem | null {
  if (uses.startsWith('./') || uses.startsWith('.\\') || uses === '.') return null;
  if (uses.startsWith('docker://'))
    return uses === 'docker://' ? problem(`${quote(uses)} names no image; expected \`docker://image\``) : null;
  const { path, ref } = splitRef(uses);
  if (!OWNER_AND_NAME.test(path) || path.split('/').includes('..'))
    return problem(`${quote(uses)} names no action; expected ${EXPECTED_ACTION}`);
  return checkRef(uses, ref, 'an action');
}

/** The `uses` of a job. */
export function checkWorkflowUses(uses: string): TextProblem | null {
  const { path, ref } = splitRef(uses);
  if (uses.startsWith('./')) {
    if (ref !== null) return problem(`${quote(uses)} is a file of the same commit and takes no \`@${ref}\``);
    return WORKFLOW_PATH.test(path.slice('./'.length)) ? null : noWorkflow(uses);
  }
  const repository = OWNER_AND_NAME.exec(path)?.[0];
  if (repository === undefined || !WORKFLOW_PATH.test(path.slice(repository.length + 1))) return noWorkflow(uses);
  return checkRef(uses, ref, 'a workflow of another repository');
}

function checkRef(uses: string, ref: string | null, what: string): TextProblem | null {
  if (ref === null || ref === '')
    return problem(
      `${quote(uses)} has no ref; ${what} is named with a tag, a branch or a commit: \`${uses.replace(/@$/, '')}@v1\``,
    );
  return FORBIDDEN_IN_REF.test(ref) ? problem(`${quote(uses)}: ${quote(ref)} is no ref of git`) : null;
}

function noWorkflow(uses: string): TextProblem {
  return problem(`${quote(uses)} names no workflow; expected ${EXPECTED_WORKFLOW}`);
}

function splitRef(uses: string): { path: string; ref: string | null } {
  const at = uses.indexOf('@');
  return at < 0 ? { path: uses, ref: null } : { path: uses.slice(0, at), ref: uses.slice(at + 1) };
}

function problem(message: string): TextProblem {
  return { rule: 'uses', message };
}
