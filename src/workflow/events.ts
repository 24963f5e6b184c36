/** What an event can be narrowed by. */
export interface EventRule {
  /** Activity types; `any` for names that the sender chooses. */
  readonly types?: readonly string[] | 'any';
  readonly filters?: readonly EventFilter[];
}

export type EventFilter = 'branches' | 'tags' | 'paths' | 'workflows' | 'names' | 'versions';

const PULL_REQUEST = [
  ...['assigned', 'unassigned', 'labeled', 'unlabeled', 'opened', 'edited', 'closed', 'reopened', 'synchronize'],
  ...['converted_to_draft', 'locked', 'unlocked', 'enqueued', 'dequeued', 'milestoned', 'demilestoned'],
  ...['ready_for_review', 'review_requested', 'review_request_removed', 'auto_merge_enabled', 'auto_merge_disabled'],
  'stacked',
];
const CREATED_EDITED_DELETED = ['created', 'edited', 'deleted'];

/**
 * Every event that starts a workflow, with its activity types and filters (GitHub docs, "Events that trigger workflows",
 * and the schema of `@actions/workflow-parser` 0.3.61). `schedule`, `workflow_call` and `workflow_dispatch` have a form of
 * their own.
 */
export const EVENTS: Readonly<Record<string, EventRule>> = {
  branch_protection_rule: { types: CREATED_EDITED_DELETED },
  check_run: { types: ['completed', 'created', 'rerequested', 'requested_action'] },
  check_suite: { types: ['completed'] },
  create: {},
  delete: {},
  deployment: {},
  deployment_status: {},
  discussion: {
    types: [
      ...['created', 'edited', 'deleted', 'transferred', 'pinned', 'unpinned', 'labeled', 'unlabeled', 'locked'],
      ...['unlocked', 'category_changed', 'answered', 'unanswered'],
    ],
  },
  discussion_comment: { types: CREATED_EDITED_DELETED },
  fork: {},
  gollum: {},
  image_version: { types: ['created', 'ready', 'deleted'], filters: ['names', 'versions'] },
  issue_comment: { types: CREATED_EDITED_DELETED },
  issues: {
    types: [
      ...['opened', 'edited', 'deleted', 'transferred', 'pinned', 'unpinned', 'closed', 'reopened', 'assigned'],
      ...['unassigned', 'labeled', 'unlabeled', 'locked', 'unlocked', 'milestoned', 'demilestoned', 'field_added'],
      ...['field_removed', 'typed', 'untyped'],
    ],
  },
  label: { types: CREATED_EDITED_DELETED },
  merge_group: { types: ['checks_requested'], filters: ['branches'] },
  milestone: { types: ['created', 'closed', 'opened', 'edited', 'deleted'] },
  page_build: {},
  project: { types: ['created', 'closed', 'reopened', 'edited', 'deleted'] },
  project_card: { types: ['created', 'moved', 'converted', 'edited', 'deleted'] },
  project_column: { types: ['created', 'updated', 'moved', 'deleted'] },
  public: {},
  pull_request: { types: PULL_REQUEST, filters: ['branches', 'paths'] },
  pull_request_comment: { types: CREATED_EDITED_DELETED },
  pull_request_review: { types: ['submitted', 'edited', 'dismissed'] },
  pull_request_review_comment: { types: CREATED_EDITED_DELETED },
  pull_request_target: { types: PULL_REQUEST, filters: ['branches', 'paths'] },
  push: { filters: ['branches', 'tags', 'paths'] },
  registry_package: { types: ['published', 'updated'] },
  release: { types: ['published', 'unpublished', 'created', 'edited', 'deleted', 'prereleased', 'released'] },
  repository_dispatch: { types: 'any' },
  status: {},
  watch: { types: ['started'] },
  workflow_run: { types: ['requested', 'completed', 'in_progress'], filters: ['workflows', 'branches'] },
};

/** Events with a form of their own. */
const SPECIAL_EVENTS = ['schedule', 'workflow_call', 'workflow_dispatch'] as const;

export const EVENT_NAMES: readonly string[] = [...Object.keys(EVENTS), ...SPECIAL_EVENTS].sort();
