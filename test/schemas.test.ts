import { readdirSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { configurePage } from '../scripts/configure-page.ts';
import { schemaFiles } from '../scripts/schema-files.ts';
import { loadRunnerConfig } from '../src/config/load-runner-config.ts';
import { CONFIG_VARIABLES } from '../src/config/runner-config-variables.ts';
import { parse } from 'yaml';
import { ORACLE_CASES } from './workflow/oracle-cases.ts';
import { FLOW_KEYS } from './workflow/flow-key-cases.ts';
import { DEFAULT_RUNNER_CONFIG } from '../src/config/runner-config.ts';

const root = new URL('../', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');

describe('the published schemas', () => {
  it('are what the code says; `node scripts/schemas.mjs` writes them', async () => {
    const files = schemaFiles();
    expect((await readdir(new URL('schemas', root))).filter((name) => name in files)).toHaveLength(4);
    for (const [name, text] of Object.entries(files)) expect(await read(`schemas/${name}`)).toBe(text);
  });

  it('and the page on the configuration', async () => {
    const page = configurePage();
    expect(await read('docs/configure.md')).toBe(page);
    for (const { path, variable } of CONFIG_VARIABLES)
      expect(page).toMatch(
        new RegExp(`^\\| \`${path.join('\\.')}\` \\| [^|]+ \\| [^|]+ \\| \`${variable}\` \\| [^|]{5,} \\|$`, 'm'),
      );
  });

  it.each(['report', 'events', 'runner.config', 'workflow'])('%s.schema.json is a schema', (name) => {
    const ajv = new Ajv2020({ strict: true, strictTypes: false, validateFormats: false });
    expect(() => ajv.compile(JSON.parse(schemaFiles()[`${name}.schema.json`] ?? ''))).not.toThrow();
  });
});

describe('runner.config.json at the top of the repository', () => {
  it('fits its schema', async () => {
    const schema = schemaFiles()['runner.config.schema.json'] ?? '';
    const validate = new Ajv2020({ validateFormats: false }).compile(JSON.parse(schema));
    expect(validate(JSON.parse(await read('runner.config.json')))).toBe(true);
    expect(validate({ maxBackgroud: 1 })).toBe(false);
  });

  it('shows every key with its default', async () => {
    const file = fileURLToPath(new URL('runner.config.json', root));
    const loaded = await loadRunnerConfig({ file, environment: {}, directory: '/' });
    expect(loaded).toMatchObject({ kind: 'loaded', config: DEFAULT_RUNNER_CONFIG });
    const { $schema, ...written } = JSON.parse(await read('runner.config.json'));
    expect($schema).toBe('./schemas/runner.config.schema.json');
    expect(written).toEqual(DEFAULT_RUNNER_CONFIG);
  });
});

describe('workflow.schema.json', () => {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, validateFormats: false });
  const validate = ajv.compile(JSON.parse(schemaFiles()['workflow.schema.json'] ?? ''));

  it.each(ORACLE_CASES.filter(({ valid }) => valid))('takes what the parser takes: $name', ({ workflow }) => {
    validate(parse(workflow));
    expect(validate.errors).toBeNull();
  });

  it.each(FLOW_KEYS.good)('takes every form of our keys: %s', (_, workflow) => {
    validate(parse(workflow));
    expect(validate.errors).toBeNull();
  });

  const examples = ['', 'patterns/'].flatMap((folder) =>
    readdirSync(new URL(`examples/${folder}`, root))
      .filter((name) => name.endsWith('.yml'))
      .map((name) => `examples/${folder}${name}`),
  );
  it.each(examples)('takes %s', async (path) => {
    validate(parse(await read(path)));
    expect(validate.errors).toBeNull();
  });

  it.each([
    ['an unknown key', 'jobs: { a: { runs-on: x, steps: [{ run: x }], joins: first } }'],
    ['an unknown mode', 'jobs: { a: { runs-on: x, steps: [{ run: x }], join: any } }'],
    ['a duration without a unit', 'jobs: { a: { runs-on: x, steps: [{ run: x }], stage: 0, delay-after: 5 } }'],
    ['a machine for a job without steps', 'jobs: { a: { wait-for: x, runs-on: x } }'],
    ['a stage inside of a loop', 'jobs: { a: { loop: { until: x, jobs: { b: { stage: 1, wait-for: x } } } } }'],
    [
      'a job of two kinds',
      'jobs: { a: { runs-on: x, steps: [{ run: x }], loop: { until: x, jobs: { b: { wait-for: x } } } } }',
    ],
    ['an id that is none', 'jobs: { 1st: { runs-on: x, steps: [{ run: x }] } }'],
  ])('refuses %s', (_, jobs) => {
    expect(validate(parse(`on: push\n${jobs}`))).toBe(false);
  });
});
