import { quote } from '../expressions/quote.ts';
import { keyOf, spotOfKey, type JobMap, type JobView } from './job-view.ts';
import { placedText } from './list-steps.ts';
import { child } from './yaml-node.ts';

/** `race` and `section`: rivals do not wait for each other. Names with expressions are known when the run begins. */
export function checkRivals(map: JobMap): void {
  for (const members of racesOf(map.jobs).values()) checkRace(members, map);
  const locks = groupBy(map.jobs, (job) => textAt(job, 'section', 'lock'));
  for (const users of locks.values()) checkLock(users, map);
}

/** Those whose name is written out. */
export function racesOf(jobs: readonly JobView[]): ReadonlyMap<string, readonly JobView[]> {
  return groupBy(jobs, (job) => textAt(job, 'race'));
}

function checkRace(members: readonly JobView[], { jobs, graph, problems }: JobMap): void {
  const [first] = members;
  if (first !== undefined && members.length === 1) {
    // One whose name is an expression may be in it as well.
    if (jobs.some((job) => job !== first && keyOf(job, 'race') !== null && textAt(job, 'race') === null)) return;
    problems.warning('race', spotOfKey(first, 'race'), `${quote(first.id)} is alone in its race, so it always wins`);
    return;
  }
  const late = graph.after(members.map(({ id }) => id));
  for (const job of members) {
    if (!late.has(job.id)) continue;
    const before = graph.before(job.id);
    const rival = members.find(({ id }) => id !== job.id && before.has(id));
    if (!rival) continue;
    const message = `job ${quote(job.id)} waits for ${quote(rival.id)}, which is in the same race, so it can never win it`;
    problems.error('race', spotOfKey(job, 'race'), message);
  }
}

/** A section has its lock until all of its jobs have ended, so nobody can have it in between. */
function checkLock(users: readonly JobView[], { graph, problems }: JobMap): void {
  const sections = groupBy(users, (job) => textAt(job, 'section', 'name'));
  if (sections.size < 2) return;
  for (const [name, members] of sections) {
    if (members.length < 2) continue;
    const after = graph.after(members.map(({ id }) => id));
    const between = users.filter((job) => after.has(job.id) && textAt(job, 'section', 'name') !== name);
    if (between.length === 0) continue;
    const back = graph.after(between.map(({ id }) => id));
    const caught = members.find(({ id }) => back.has(id));
    if (!caught) continue;
    const before = graph.before(caught.id);
    const other = between.find(({ id }) => before.has(id));
    const message = `job ${quote(other?.id ?? '')} waits for the lock that section ${quote(name)} has until ${quote(caught.id)} has ended, and ${quote(caught.id)} waits for ${quote(other?.id ?? '')}`;
    if (other) problems.error('section', spotOfKey(other, 'section'), message);
  }
}

function textAt(job: JobView, key: string, inner?: string): string | null {
  const node = keyOf(job, key);
  const text = placedText(inner === undefined ? node : child(node, inner))?.value ?? '';
  return text === '' || text.includes('${{') ? null : text;
}

/** Without those that have no name. */
function groupBy(jobs: readonly JobView[], nameOf: (job: JobView) => string | null): Map<string, JobView[]> {
  const groups = new Map<string, JobView[]>();
  for (const job of jobs) {
    const name = nameOf(job);
    if (name === null) continue;
    const group = groups.get(name);
    if (group) group.push(job);
    else groups.set(name, [job]);
  }
  return groups;
}
