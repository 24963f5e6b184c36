import { boolean, choice, nonEmptyText, number, type Grammar } from './grammar.ts';

/** `concurrency` of a workflow or a job. */
export function concurrencyGrammar(place: 'workflow.concurrency' | 'job.concurrency'): Grammar {
  return {
    ...nonEmptyText('the name of a group, or a mapping', place),
    map: {
      what: '`concurrency`',
      keys: {
        group: nonEmptyText('the name of a group', place),
        'cancel-in-progress': boolean(place),
        queue: choice(['single', 'max']),
        'keep-waiting': boolean(),
        limit: number('a whole number, 1 or more', place, { least: 1, whole: true }),
        ...(place === 'job.concurrency' ? { scope: choice(['run', 'repository']) } : {}),
      },
      required: { group: 'name the group of runs of which one goes at a time' },
    },
  };
}
