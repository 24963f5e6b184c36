import { concurrencyGrammar } from './concurrency-grammar.ts';
import { MAX_COUNT } from './flow-grammar.ts';
import { boolean, choice, mapOf, mapWith, number, text, type Grammar } from './grammar.ts';
import { jobsGrammar, nestedJobsGrammar } from './job-grammar.ts';
import { defaultsGrammar } from './job-keys.ts';
import { PERMISSIONS } from './permissions-grammar.ts';
import { onGrammar } from './trigger-grammar.ts';

const LIMIT = number(`a whole number, 0 to ${MAX_COUNT}`, undefined, { least: 0, most: MAX_COUNT, whole: true });

/**
 * Every key of a workflow file: GitHub's workflow syntax as of `@actions/workflow-parser` 0.3.61 (August 2026), and our
 * own: `stop-grace` and those of docs/flow.md. What GitHub's schema has but the table lacks is a defect; test/workflow/oracle.test.ts compares.
 */
export const WORKFLOW: Grammar = {
  ...mapWith({
    what: 'a workflow',
    keys: {
      name: text('text'),
      'run-name': text('text', 'workflow.run-name'),
      on: onGrammar(),
      permissions: PERMISSIONS,
      env: mapOf(text('text', 'workflow.env'), 'environment variables', 'workflow.env'),
      defaults: defaultsGrammar(),
      concurrency: concurrencyGrammar('workflow.concurrency'),
      jobs: jobsGrammar(),
      finally: nestedJobsGrammar(2),
      'fail-fast': boolean('workflow.fail-fast'),
      limits: mapWith({
        what: '`limits`',
        keys: { 'max-jumps': LIMIT, 'max-depth': LIMIT },
        empty: 'it takes `max-jumps` and `max-depth`',
      }),
      'job-stages': choice(['sequential']),
      'stage-failure': choice(['stop', 'continue']),
    },
    required: { on: 'say what starts it, such as `on: push`', jobs: 'list what it does' },
  }),
  takes: 'a mapping with `on` and `jobs`',
};
