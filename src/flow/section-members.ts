import type { SectionPlan } from '../protocol/flow-plan.ts';
import type { JobPlan } from '../protocol/plan.ts';
import { aroundPlans, type FlowDraft } from './flow-draft.ts';
import type { JobState } from './job-state.ts';
import { pathIn } from './keys.ts';

/**
 * Critical sections. The jobs of one workflow with the same lock and name are one; those in loops and around jobs are in
 * it with the job that they are in, so that the section is of the outermost jobs that have a part in it.
 */

/** What is before the scope and the name of a section, where it holds a lock. */
const SECTION = 'section:';

export function isSection(holder: string): boolean {
  return holder.startsWith(SECTION);
}

export function sectionName(holder: string): string {
  return holder.slice(holder.indexOf('\n') + 1);
}

/** Who holds the lock for a job of the scope. */
export function sectionHolder(draft: FlowDraft, scope: string, section: SectionPlan): string {
  let outermost = scope;
  let inner = scope;
  for (;;) {
    const { source } = draft.scopes.get(inner);
    if (source.kind === 'workflow' || source.kind === 'finally') break;
    const { job: path } = draft.iterations.get(source.iteration);
    const around = draft.jobs.get(path);
    const list = source.kind === 'round' ? 'main' : source.phase;
    const others = draft.plansOf(draft.scopes.get(around.scope)).filter((_, index) => index !== around.index);
    const isShared = others.some((plan) => takesPart(plan, section)) || takesPart(draft.planOf(around), section, list);
    inner = around.scope;
    if (isShared) outermost = inner;
  }
  return `${SECTION}${outermost}\n${section.name}`;
}

/** Jobs of its scope that are of the section, or have jobs in them that are. */
export function sectionMembers(draft: FlowDraft, holder: string, lock: string): readonly string[] {
  const key = sectionScope(holder);
  const scope = draft.scopes.find(key);
  if (scope === null) return [];
  const paths = membersOf(draft.plansOf(scope), lock, sectionName(holder)).ids.map((id) => pathIn(key, id));
  // The options may leave some out.
  return draft.input.options.job === null ? paths : paths.filter((path) => draft.jobs.find(path) !== null);
}

export function isMember(draft: FlowDraft, job: JobState, holder: string, lock: string): boolean {
  if (job.scope !== sectionScope(holder)) return false;
  return membersOf(draft.plansOf(draft.scopes.get(job.scope)), lock, sectionName(holder)).indices.has(job.index);
}

/** In declared order. */
interface Members {
  readonly ids: readonly string[];
  readonly indices: ReadonlySet<number>;
}

/** Kept as long as the plans are, which never change: a section is asked for with every job of it. */
const known = new WeakMap<readonly JobPlan[], Map<string, Members>>();

function membersOf(plans: readonly JobPlan[], lock: string, name: string): Members {
  const sections = known.get(plans) ?? new Map<string, Members>();
  known.set(plans, sections);
  const key = `${lock}\n${name}`;
  const before = sections.get(key);
  if (before !== undefined) return before;
  const indices = plans.flatMap((plan, index) => (takesPart(plan, { lock, name }) ? [index] : []));
  const members = { ids: indices.map((index) => plans[index]?.id ?? ''), indices: new Set(indices) };
  sections.set(key, members);
  return members;
}

function sectionScope(holder: string): string {
  return holder.slice(SECTION.length, holder.indexOf('\n'));
}

/** @param except Jobs in it or around it that are left out. */
function takesPart(plan: JobPlan, section: SectionPlan, except: Part | null = null): boolean {
  const own = plan.flow?.section;
  if (own && isSame(own, section)) return true;
  return PARTS.some((part) => part !== except && partOf(plan, part).some((inner) => takesPart(inner, section)));
}

/** Whether a job has a section, or has jobs in it or around it that have. */
export function hasSections(plan: JobPlan): boolean {
  if (plan.flow === undefined && plan.kind !== 'loop') return false;
  return plan.flow?.section != null || PARTS.some((part) => partOf(plan, part).some(hasSections));
}

const PARTS = ['main', 'before', 'after', 'on-failure', 'on-cancel', 'finally'] as const;
type Part = (typeof PARTS)[number];

function partOf(plan: JobPlan, part: Part): readonly JobPlan[] {
  if (part !== 'main') return aroundPlans(plan.flow, part);
  return plan.kind === 'loop' ? plan.jobs : [];
}

/** A lock that is an expression may be any: which one is known when the job begins. */
function isSame(one: SectionPlan, other: SectionPlan): boolean {
  if (one.name !== other.name) return false;
  const [lock, another] = [JSON.stringify(one.lock), JSON.stringify(other.lock)];
  return [lock, another].some((text) => text.includes('${{')) || lock.toLowerCase() === another.toLowerCase();
}
