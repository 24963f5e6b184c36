import { references } from '../expressions/check.ts';
import { keyOf, spotOfKey, type JobView } from './job-view.ts';
import { conditionText } from './lower-template.ts';
import type { ProblemList } from './problem-list.ts';
import { child, entriesOf, entryOf, type YamlNode } from './yaml-node.ts';

const CONDITIONS = ['while', 'until'] as const;

/** `loop`: it begins, and it can end. */
export function checkLoop(job: JobView, problems: ProblemList): void {
  const loop = keyOf(job, 'loop');
  if (loop?.kind !== 'map') return;
  const conditions = CONDITIONS.flatMap((key) => {
    const text = conditionText(child(loop, key));
    return text === null ? [] : [{ key, text }];
  });
  const place = (key: string) => entryOf(loop, key)?.keySpan ?? loop.span;
  const [first] = conditions;
  if (first === undefined)
    problems.error(
      'loop-condition',
      spotOfKey(job, 'loop'),
      'a `loop` needs `while` or `until`; else it would never end',
    );
  else if (first.key === 'while' && first.text === 'false')
    problems.warning('loop-condition', place('while'), 'a loop with `while: false` never runs');
  else if (conditions.every(({ text }) => isConstant(text, loop))) {
    const message = `\`${first.key}\` never changes: it reads variables of the loop alone, and no job in the loop has an output of that name`;
    problems.warning('loop-condition', place(first.key), message);
  }
}

/** True where a condition reads variables of the loop and nothing else, and no job in it sets them. */
function isConstant(condition: string, loop: YamlNode): boolean {
  const paths = references(condition, 'condition').map((path) => path.map((name) => name.toLowerCase()));
  const jobs = entriesOf(child(loop, 'jobs'));
  if (paths.length === 0 || jobs.some(({ value }) => child(value, 'uses') !== null)) return false;
  const vars = namesOf(child(loop, 'vars'));
  const set = new Set(jobs.flatMap(({ value }) => [...namesOf(child(value, 'outputs'))]));
  return paths.every(([context, name = '']) => context === 'loop' && vars.has(name) && !set.has(name));
}

function namesOf(node: YamlNode | null): ReadonlySet<string> {
  return new Set(entriesOf(node).map(({ key }) => key.toLowerCase()));
}
