import { didYouMean } from './close-name.ts';
import type { YamlNode } from './yaml-node.ts';
import { entriesOf } from './yaml-node.ts';

export type JobKind = 'steps' | 'call' | 'loop' | 'gate';

/** Keys that make a job of any kind but a gate. */
const BODIES = ['uses', 'loop', 'steps'];

/** Keys that are worth a job without a body: it waits, chooses, joins or ends something. */
const GATES = new Set([
  ...['join', 'choose', 'branches', 'spawn', 'race', 'milestone', 'wait-for', 'cancels', 'next', 'terminate'],
  ...['start-at', 'delay-before', 'delay-after', 'before', 'after', 'on-failure', 'on-cancel', 'finally'],
]);

/** What a job is by the keys that it has, whether they are right or not. */
export function kindOfJob(job: YamlNode): JobKind {
  const keys = new Set(entriesOf(job).map(({ key }) => key));
  if (keys.has('uses')) return 'call';
  if (keys.has('loop')) return 'loop';
  if (keys.has('steps')) return 'steps';
  // What was meant as its body and misspelt is reported as that.
  if ([...keys].some((key) => didYouMean(key, BODIES) !== '')) return 'steps';
  const gate =
    [...keys].some((key) => GATES.has(key)) || (keys.has('needs') && keys.has('outputs') && !keys.has('runs-on'));
  return gate ? 'gate' : 'steps';
}
