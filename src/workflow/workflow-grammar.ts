import { concurrencyGrammar, defaultsGrammar, jobsGrammar } from './job-grammar.ts';
import { mapOf, mapWith, text, type Grammar } from './grammar.ts';
import { PERMISSIONS } from './permissions-grammar.ts';
import { onGrammar } from './trigger-grammar.ts';

/**
 * Every key of a workflow file: GitHub's workflow syntax as of `@actions/workflow-parser` 0.3.61 (August 2026) and
 * `stop-grace`, our own. What GitHub's schema has but the table lacks is a defect; test/workflow/oracle.test.ts compares.
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
    },
    required: { on: 'say what starts it, such as `on: push`', jobs: 'list what it does' },
  }),
  takes: 'a mapping with `on` and `jobs`',
};
