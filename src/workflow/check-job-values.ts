import { checkLoop } from './check-loop.ts';
import { expandMatrix } from './expand-matrix.ts';
import { durationOf } from './lower-flow.ts';
import { keyOf, spotOfKey, type JobView } from './job-view.ts';
import { templateOf } from './lower-template.ts';
import type { ProblemList } from './problem-list.ts';
import { integerOf } from './read-stages.ts';
import { child, entryOf, stringOf, type YamlNode } from './yaml-node.ts';

/** Keys of one job whose values do not fit together, whatever the other jobs are. */
export function checkJobValues(job: JobView, problems: ProblemList): void {
  checkConcurrency(keyOf(job, 'concurrency'), problems);
  checkInstances(job, problems);
  checkLoop(job, problems);
  checkRetry(job, problems);
  const deadline = keyOf(job, 'start-within-minutes');
  if (deadline?.kind === 'scalar' && deadline.value === 0)
    problems.error('never-starts', deadline.span, 'the job can never start: its time is over when the run begins');
  const ignored = templateOf(keyOf(job, 'continue-on-error'));
  const failure = stringOf(keyOf(job, 'failure'));
  if (ignored === true && failure !== null && failure !== 'ignore') {
    const message = `\`failure: ${failure}\` has no effect beside \`continue-on-error: true\``;
    problems.error('no-effect', spotOfKey(job, 'failure'), message);
  }
  if (ignored === false && failure === 'ignore')
    problems.warning(
      'no-effect',
      spotOfKey(job, 'continue-on-error'),
      '`continue-on-error: false` has no effect beside `failure: ignore`',
    );
}

/** Of a workflow or a job. */
export function checkConcurrency(node: YamlNode | null, problems: ProblemList): void {
  const has = (key: string): boolean => entryOf(node, key) !== null;
  const refuse = (key: string, message: string): void => {
    const entry = entryOf(node, key);
    if (entry) problems.error('no-effect', entry.keySpan, message);
  };
  if (has('queue'))
    refuse('keep-waiting', '`keep-waiting` cannot stand beside `queue`: `keep-waiting: true` is `queue: max`');
  const keeps = templateOf(child(node, 'keep-waiting')) === true;
  if (keeps && templateOf(child(node, 'cancel-in-progress')) === true)
    refuse('keep-waiting', 'nothing waits where what runs is cancelled; remove `keep-waiting` or `cancel-in-progress`');
  if (stringOf(child(node, 'scope')) !== 'run') return;
  for (const key of ['cancel-in-progress', 'queue', 'keep-waiting', 'limit'])
    refuse(
      key,
      `\`${key}\` has no effect with \`scope: run\`: the jobs of the run go one at a time, first come, first served`,
    );
}

function checkInstances(job: JobView, problems: ProblemList): void {
  const strategy = keyOf(job, 'strategy');
  if (strategy?.kind !== 'map') return;
  const [instances, matrix] = [entryOf(strategy, 'instances'), child(strategy, 'matrix')];
  const dynamic = templateOf(child(strategy, 'dynamic')) === true;
  if (instances && matrix)
    problems.error(
      'instances',
      instances.keySpan,
      '`instances` cannot stand beside `matrix`, which says how many there are',
    );
  const when = entryOf(strategy, 'complete-when');
  const many = instances !== null || matrix !== null || dynamic;
  const count = child(when?.value ?? null, 'count');
  if (when?.value.kind === 'map' && count === null && child(when.value, 'if') === null)
    problems.error('missing-key', when.keySpan, '`complete-when` needs `count`, `if` or both');
  for (const key of ['complete-when', 'sync']) {
    const entry = entryOf(strategy, key);
    if (entry && !many)
      problems.error('instances', entry.keySpan, `\`${key}\` needs \`instances\`, \`matrix\` or \`dynamic: true\``);
  }
  const total = integerOf(instances?.value ?? null) ?? (matrix ? staticSize(matrix) : null);
  const wanted = integerOf(count);
  if (count === null || wanted === null || total === null || dynamic || wanted <= total) return;
  problems.error(
    'instances',
    count.span,
    `\`count\` is ${wanted}, but there are ${total} instances, so that many can never succeed`,
  );
}

/** Null for a matrix that is known at run time only. */
function staticSize(matrix: YamlNode): number | null {
  const template = templateOf(matrix);
  if (JSON.stringify(template).includes('${{')) return null;
  const expanded = expandMatrix(template);
  return 'problem' in expanded ? null : expanded.instances.length;
}

function checkRetry(job: JobView, problems: ProblemList): void {
  const retry = keyOf(job, 'retry');
  if (integerOf(retry?.kind === 'map' ? child(retry, 'max-attempts') : retry) === 1)
    problems.warning(
      'no-effect',
      spotOfKey(job, 'retry'),
      '`retry` has no effect: one attempt in all is what a job has without it',
    );
  const backoff = child(keyOf(job, 'retry'), 'backoff');
  const [min, max] = [durationOf(child(backoff, 'min')), durationOf(child(backoff, 'max'))];
  if (min === null || max === null || min <= max) return;
  problems.error(
    'retry',
    entryOf(backoff, 'max')?.keySpan ?? spotOfKey(job, 'retry'),
    '`max` of the backoff is shorter than `min`',
  );
}
