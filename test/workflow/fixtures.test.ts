import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');

const names = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.yml'))
  .map((name) => name.slice(0, -'.yml'.length));

describe('whole workflows give exactly this plan and these diagnostics', () => {
  it.each(names)('%s', (name) => {
    const source = readFileSync(join(FIXTURES, `${name}.yml`));
    const expected: unknown = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
    const result = parseWorkflow(source, `${name}.yml`);
    // Undefined where JSON has nothing would get lost on the way to a worker.
    expect(result).toStrictEqual(expected);
  });
});
