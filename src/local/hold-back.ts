import type { Json, JsonMap } from '../protocol/job-message.ts';
import type { WorkflowPlan } from '../protocol/plan.ts';
import { whyNotTriggered } from '../workflow/match-trigger.ts';
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
  const baseRef = text(github.base_ref) ?? '';
  const looksAtFiles = (trigger?.paths ?? trigger?.pathsIgnore ?? null) !== null;
  return whyNotTriggered(plan.on, {
    event: eventName,
    ref: text(github.ref) ?? '',
    baseRef,
    action: text(event.action),
    workflow: text((event.workflow as JsonMap | undefined)?.name),
    changedFiles:
      git === null || !looksAtFiles
        ? null
        : (filesOfPayload(event) ?? (await changedFiles(git.root, baseRef, environment))),
  });
}

/** The commits of a push say what they changed, in a payload of the user's own. */
function filesOfPayload({ commits }: JsonMap): readonly string[] | null {
  if (!Array.isArray(commits) || commits.length === 0) return null;
  const lists = (commits as readonly JsonMap[]).flatMap(({ added, modified, removed }) => [added, modified, removed]);
  return lists.flatMap((list) => (Array.isArray(list) ? list.map(String) : []));
}

function text(value: Json | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
