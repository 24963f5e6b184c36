import type { Json, JsonMap } from '../protocol/job-message.ts';
import type { TriggerFacts } from './match-trigger.ts';

/** What the filters under `on` look at, out of the `github` context of a run. `changedFiles` null: nobody knows. */
export function triggerFacts(github: JsonMap, changedFiles: readonly string[] | null): TriggerFacts {
  const event = github.event as JsonMap | undefined;
  return {
    event: text(github.event_name) ?? '',
    ref: text(github.ref) ?? '',
    baseRef: text(github.base_ref) ?? '',
    action: text(event?.action),
    workflow: text((event?.workflow as JsonMap | undefined)?.name),
    changedFiles,
  };
}

/** The commits of a push say what they changed; null where the payload has none. */
export function filesOfPayload({ commits }: JsonMap): readonly string[] | null {
  if (!Array.isArray(commits) || commits.length === 0) return null;
  const lists = (commits as readonly JsonMap[]).flatMap(({ added, modified, removed }) => [added, modified, removed]);
  return lists.flatMap((list) => (Array.isArray(list) ? list.map(String) : []));
}

function text(value: Json | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
