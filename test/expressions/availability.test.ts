import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AVAILABILITY, CONTEXT_NAMES, type AvailabilityKey } from '../../src/expressions/availability.ts';

interface Schema {
  readonly definitions: Readonly<Record<string, { readonly context?: readonly string[] }>>;
}

// The package exports its schemas to its own code only.
const DIRECTORY = new URL('../../node_modules/@actions/workflow-parser/dist/', import.meta.url);
const schema = (name: string): Schema => JSON.parse(readFileSync(new URL(name, DIRECTORY), 'utf8')) as Schema;

/** Contexts and functions of a definition of the official schema; a function is written `name(least,most)`. */
function official({ definitions }: Schema, name: string): { contexts: string[]; functions: string[] } {
  const names = definitions[name]?.context ?? [];
  expect(names).not.toEqual([]);
  return {
    contexts: names.filter((entry) => !entry.includes('(')).sort(),
    functions: names.flatMap((entry) => (entry.includes('(') ? [entry.split('(')[0] ?? ''] : [])).sort(),
  };
}

/** What the documentation's table allows beyond the schema. */
const DOCUMENTED: Partial<Record<AvailabilityKey, readonly string[]>> = {
  'job.container.credentials': ['needs', 'strategy', 'matrix'],
  'job.services.credentials': ['needs', 'strategy', 'matrix'],
};

function expectSame(key: AvailabilityKey, from: Schema, definition: string): void {
  const { contexts, functions } = official(from, definition);
  expect([...AVAILABILITY[key].contexts].sort()).toEqual([...contexts, ...(DOCUMENTED[key] ?? [])].sort());
  expect([...AVAILABILITY[key].functions].sort()).toEqual(functions);
}

describe('availability', () => {
  it.each<[AvailabilityKey, string]>([
    ['workflow.run-name', 'run-name'],
    ['workflow.concurrency', 'workflow-concurrency'],
    ['workflow.env', 'workflow-env'],
    ['workflow_call.input.default', 'workflow-call-input-default'],
    ['workflow_call.output', 'workflow-output-context'],
    ['job.concurrency', 'job-concurrency'],
    ['job.container', 'container'],
    ['job.container.image', 'container'],
    ['job.container.credentials', 'container-registry-credentials'],
    ['job.container.env', 'string-runner-context'],
    ['job.services', 'services'],
    ['job.services.credentials', 'container-registry-credentials'],
    ['job.services.env', 'string-runner-context'],
    ['job.continue-on-error', 'boolean-strategy-context'],
    ['job.defaults.run', 'job-defaults-run'],
    ['job.env', 'job-env'],
    ['job.environment', 'job-environment'],
    ['job.environment.url', 'string-runner-context-no-secrets'],
    ['job.if', 'job-if'],
    ['job.name', 'string-strategy-context'],
    ['job.outputs', 'string-runner-context'],
    ['job.runs-on', 'runs-on'],
    ['job.secrets', 'scalar-needs-context-with-secrets'],
    ['job.snapshot.if', 'snapshot-if'],
    ['job.strategy', 'strategy'],
    ['job.timeout-minutes', 'number-strategy-context'],
    ['job.with', 'scalar-needs-context'],
    ['step.continue-on-error', 'step-continue-on-error'],
    ['step.env', 'step-env'],
    ['step.if', 'step-if'],
    ['step.name', 'step-name'],
    ['step.run', 'string-steps-context'],
    ['step.working-directory', 'string-steps-context'],
    ['step.timeout-minutes', 'step-timeout-minutes'],
    ['step.with', 'step-with'],
  ])('of %s is that of the official schema of workflows', (key, definition) => {
    expectSame(key, schema('workflow-v1.0.min.json'), definition);
  });

  it.each<[AvailabilityKey, string]>([
    ['action.input.default', 'input-default-context'],
    ['action.output', 'output-value'],
    ['action.runs.if', 'runs-if'],
    ['action.docker.args', 'container-runs-context'],
    ['action.docker.env', 'container-runs-env'],
    ['action.step.continue-on-error', 'boolean-steps-context'],
    ['action.step.env', 'step-env'],
    ['action.step.if', 'step-if'],
    ['action.step.run', 'string-steps-context'],
    ['action.step.with', 'step-with'],
  ])('of %s is that of the official schema of actions', (key, definition) => {
    expectSame(key, schema('action-v1.0.min.json'), definition);
  });

  it('names contexts that exist', () => {
    for (const { contexts } of Object.values(AVAILABILITY)) {
      for (const name of contexts) expect(CONTEXT_NAMES).toContain(name);
    }
  });
});
