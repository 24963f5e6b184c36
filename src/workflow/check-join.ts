import { keyOf, mentions, spotOfKey, type JobMap, type JobView } from './job-view.ts';
import { child, entryOf, itemsOf, stringOf, type YamlNode } from './yaml-node.ts';
import { integerOf } from './read-stages.ts';

/** `join` and `spawn`: what is joined can come, and often enough. */
export function checkJoin(job: JobView, map: JobMap): void {
  const join = keyOf(job, 'join');
  if (join !== null) checkJoinOf(job, join, map);
  if (keyOf(job, 'spawn') === null) return;
  const each = map.graph.dependants(job.id).some((id) => joinMode(map.byId.get(id)) === 'each');
  if (each) return;
  const message = '`spawn` has no effect: no job that needs this one says `join: each`';
  map.problems.warning('no-effect', spotOfKey(job, 'spawn'), message);
}

function checkJoinOf(job: JobView, join: YamlNode, map: JobMap): void {
  const { problems } = map;
  const needs = new Set(job.needs.map(({ value }) => value).filter((id) => map.byId.has(id)));
  if (needs.size === 0) {
    const message = '`join` says when a job starts given those that it needs, and this one needs none; add `needs`';
    problems.error('join', spotOfKey(job, 'join'), message);
    return;
  }
  const counted = entryOf(join, 'count');
  const count = integerOf(counted?.value ?? null);
  if (counted !== null && count !== null && count > needs.size) {
    const message = `\`count\` is ${count}, but the job needs ${jobs(needs.size)}, so it could never start`;
    problems.error('join', counted.value.span, message);
    return;
  }
  const mode = joinMode(job);
  const batch = integerOf(child(join, 'batch')) ?? 1;
  const total = mode === 'each' ? arrivalsOf(needs, map) : needs.size;
  if (total === null || [...needs].some((id) => mayArriveAgain(id, map))) return;
  const queue = entryOf(join, 'late');
  const keep = entryOf(join, 'keep');
  const once = 'each job that it needs ends once';
  if (queue !== null && stringOf(queue.value) === 'queue') {
    problems.warning('join', queue.keySpan, `\`late: queue\` starts no second round: ${once}`);
  } else if (keep !== null && keep.value.kind === 'scalar' && keep.value.value === true) {
    problems.warning('join', keep.keySpan, `\`keep\` has no effect: ${once}`);
  } else if (mode === 'each' && batch > total) {
    const arrive = total === needs.size ? `${once}, which is ${total} in all` : `${total} arrive in all by \`spawn\``;
    const message = `\`batch\` is ${batch}, but ${arrive}, so it would never start`;
    problems.warning('join', entryOf(join, 'batch')?.value.span ?? join.span, message);
  } else if (mode === 'each' && total > needs.size && total % batch > 0) {
    const message = `\`batch\` is ${batch}, and ${total} arrive in all by \`spawn\`, so what is left over is dropped`;
    problems.warning('join', entryOf(join, 'batch')?.value.span ?? join.span, message);
  } else if (mode === 'each' && total === 1) {
    problems.warning('join', spotOfKey(job, 'join'), `\`join: each\` starts the job once: ${once}`);
  }
}

/** `count` and `first` are the same. */
export function joinMode(job: JobView | undefined): string {
  const join = job ? keyOf(job, 'join') : null;
  if (join?.kind === 'map' && child(join, 'count') !== null) return 'first';
  return stringOf(join?.kind === 'map' ? child(join, 'mode') : join) ?? 'all';
}

/** Null where `spawn` says by an expression how many arrive. */
function arrivalsOf(needs: ReadonlySet<string>, { byId }: JobMap): number | null {
  let total = 0;
  for (const id of needs) {
    const spawn = child(byId.get(id)?.node ?? null, 'spawn');
    const times = spawn === null ? 1 : integerOf(spawn);
    if (times === null || times < 1) return null;
    total += times;
  }
  return total;
}

/** Also where only a step can tell: it may say `PACELINE_EMIT`, and an action may do so unseen. */
function mayArriveAgain(id: string, map: JobMap): boolean {
  const job = map.byId.get(id);
  if (job === undefined || joinMode(job) === 'each') return true;
  const join = keyOf(job, 'join');
  if (child(join, 'keep') !== null || stringOf(child(join, 'late')) === 'queue') return true;
  const steps = itemsOf(keyOf(job, 'steps'));
  if (steps.some((step) => child(step, 'uses') !== null || mentions(step, 'PACELINE_EMIT'))) return true;
  // A jump back may start it again without starting the one that needs it.
  return map.mayJump();
}

function jobs(count: number): string {
  return count === 1 ? 'one other' : `${count} others`;
}
