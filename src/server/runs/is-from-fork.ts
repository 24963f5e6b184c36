import type { Json, JsonMap } from '../../protocol/job-message.ts';

/** What runs is the pull request's own; of a `pull_request_target` it is the base's. */
const RUN_THE_HEAD: ReadonlySet<Json | undefined> = new Set([
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
]);

/**
 * Whether a run is of what somebody wrote who need not have any right in the repository: a pull request whose head is in
 * another one, or in one that is gone, or nobody says where. Such a run is given no secrets.
 */
export function isFromFork({ event_name: name, event, repository }: JsonMap): boolean {
  if (!RUN_THE_HEAD.has(name)) return false;
  let head: Json | undefined = event;
  for (const key of ['pull_request', 'head', 'repo', 'full_name']) {
    if (head === undefined || head === null || typeof head !== 'object' || Array.isArray(head)) return true;
    head = (head as JsonMap)[key];
  }
  if (typeof head !== 'string' || typeof repository !== 'string') return true;
  return head.toLowerCase() !== repository.toLowerCase();
}
