import type { WorkflowPlan } from '../protocol/plan.ts';
import { whyNotTriggered } from '../workflow/match-trigger.ts';
import { filesOfPayload, triggerFacts } from '../workflow/trigger-facts.ts';
import { changedFiles } from './changed-files.ts';
import type { GitState } from './git-state.ts';
import type { RunContext } from './run-context.ts';

/** For `--apply-filters`: why GitHub would not start this workflow now, or null when it would. */
export async function holdBack(
  plan: WorkflowPlan,
  context: RunContext,
  git: GitState | null,
  environment: Readonly<Record<string, string>>,
): Promise<string | null> {
  const { eventName, event, github } = context;
  const trigger = Object.hasOwn(plan.on, eventName) ? plan.on[eventName] : undefined;
  const baseRef = typeof github.base_ref === 'string' ? github.base_ref : '';
  const looksAtFiles = (trigger?.paths ?? trigger?.pathsIgnore ?? null) !== null;
  const files =
    git === null || !looksAtFiles
      ? null
      : (filesOfPayload(event) ?? (await changedFiles(git.root, baseRef, environment)));
  return whyNotTriggered(plan.on, triggerFacts(github, files));
}
