import { MAX_COUNT } from './flow-grammar.ts';
import { anything, boolean, choice, condition, listOf, mapOf, mapWith, number, type Grammar } from './grammar.ts';

/** `strategy` of a job with steps or of one that calls a workflow. */
export function strategyGrammar(): Grammar {
  const place = 'job.strategy';
  const combination: Grammar = mapOf(anything('a value', place), 'a combination of values', place);
  const combinations = { ...listOf(combination, 'a list of combinations'), expressions: place } as const;
  const values = {
    ...listOf(anything('a value', place), 'a list of values', 'a matrix key has at least one value'),
    expressions: place,
  } as const;
  const matrix: Grammar = {
    takes: 'lists of values by name, or an expression',
    expressions: place,
    map: {
      what: '`matrix`',
      keys: { include: combinations, exclude: combinations },
      others: { value: values },
      empty: 'name at least one list of values, or use `include`',
    },
  };
  const keys = {
    matrix,
    'fail-fast': boolean(place),
    'max-parallel': number('a whole number, 1 or more', place, { least: 1, whole: true }),
    ...instancesKeys(),
  };
  return mapWith({ what: '`strategy`', keys }, place);
}

/** `instances` and what goes with it, under `strategy`. */
function instancesKeys(): Readonly<Record<string, Grammar>> {
  return {
    instances: number(`a whole number, 0 to ${MAX_COUNT}`, 'job.strategy', { least: 0, most: MAX_COUNT, whole: true }),
    dynamic: boolean(),
    sync: boolean(),
    'complete-when': mapWith({
      what: '`complete-when`',
      keys: {
        count: number(`a whole number, 1 to ${MAX_COUNT}`, 'job.strategy', { least: 1, most: MAX_COUNT, whole: true }),
        if: condition('job.complete-when.if'),
        rest: choice(['run', 'cancel']),
      },
    }),
  };
}
