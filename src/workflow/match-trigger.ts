import type { TriggerPlan } from '../protocol/plan.ts';
import { matchesAny } from './filter-pattern.ts';

/** What happened, as far as the filters under `on` look at it. */
export interface TriggerFacts {
  readonly event: string;
  /** `refs/heads/main`, `refs/tags/v1`. */
  readonly ref: string;
  /** The branch that a pull request wants to go into; empty for other events. */
  readonly baseRef: string;
  /** The payload's `action`; null where it has none, and then `types` hold nothing back. */
  readonly action: string | null;
  /** Name of the workflow that a `workflow_run` is about. */
  readonly workflow: string | null;
  /** Null when nobody knows; then `paths` hold nothing back. */
  readonly changedFiles: readonly string[] | null;
}

/** What GitHub starts a pull request's workflows for when no `types` are given. */
const PULL_REQUEST_TYPES = ['opened', 'synchronize', 'reopened'];
/** More changed files than this are not looked at (GitHub docs). */
const MAX_CHANGED_FILES = 3_000;

/** Null when the workflow would be started; else a sentence that says which filter holds it back. */
export function whyNotTriggered(on: Readonly<Record<string, TriggerPlan>>, facts: TriggerFacts): string | null {
  const trigger = Object.hasOwn(on, facts.event) ? on[facts.event] : undefined;
  if (!trigger) return `the workflow is not started by '${facts.event}'`;
  const isPullRequest = facts.event.startsWith('pull_request');
  const types = trigger.types ?? (isPullRequest ? PULL_REQUEST_TYPES : null);
  if (types !== null && facts.action !== null && !types.includes(facts.action))
    return `the type '${facts.action}' is not among ${types.join(', ')}`;
  if (trigger.workflows !== null && facts.workflow !== null && !matchesAny(trigger.workflows, facts.workflow))
    return `the workflow '${facts.workflow}' is not among those waited for`;
  return isPullRequest
    ? (whyNotBranch(trigger, facts.baseRef) ?? whyNotPaths(trigger, facts.changedFiles))
    : whyNotRef(trigger, facts);
}

function whyNotRef(trigger: TriggerPlan, { ref, changedFiles }: TriggerFacts): string | null {
  const tag = /^refs\/tags\/(.+)$/s.exec(ref)?.[1];
  const branches = trigger.branches !== null || trigger.branchesIgnore !== null;
  const tags = trigger.tags !== null || trigger.tagsIgnore !== null;
  if (tag !== undefined) {
    if (branches && !tags) return `only branches are asked for, not the tag '${tag}'`;
    // What a tag changed is not looked at.
    return whyNotNamed('tag', tag, trigger.tags, trigger.tagsIgnore);
  }
  const branch = ref.replace(/^refs\/heads\//, '');
  if (tags && !branches) return `only tags are asked for, not the branch '${branch}'`;
  return whyNotBranch(trigger, branch) ?? whyNotPaths(trigger, changedFiles);
}

function whyNotBranch(trigger: TriggerPlan, branch: string): string | null {
  return whyNotNamed('branch', branch, trigger.branches, trigger.branchesIgnore);
}

function whyNotNamed(
  what: 'branch' | 'tag',
  name: string,
  wanted: readonly string[] | null,
  ignored: readonly string[] | null,
): string | null {
  if (wanted !== null && !matchesAny(wanted, name)) return `the ${what} '${name}' matches none of ${wanted.join(', ')}`;
  if (ignored !== null && matchesAny(ignored, name)) return `the ${what} '${name}' is ignored by ${ignored.join(', ')}`;
  return null;
}

function whyNotPaths({ paths, pathsIgnore }: TriggerPlan, files: readonly string[] | null): string | null {
  const seen = files?.slice(0, MAX_CHANGED_FILES) ?? null;
  if (seen === null) return null;
  if (paths !== null && !seen.some((file) => matchesAny(paths, file)))
    return `no changed file matches ${paths.join(', ')}`;
  if (pathsIgnore !== null && seen.length > 0 && seen.every((file) => matchesAny(pathsIgnore, file)))
    return `every changed file is ignored by ${pathsIgnore.join(', ')}`;
  return null;
}
