import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { schemaFiles } from '../scripts/schema-files.ts';
import { loadRunnerConfig } from '../src/config/load-runner-config.ts';
import { DEFAULT_RUNNER_CONFIG } from '../src/config/runner-config.ts';

const root = new URL('../', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');

describe('the published schemas', () => {
  it('are what the code says; `node scripts/schemas.mjs` writes them', async () => {
    const files = schemaFiles();
    expect((await readdir(new URL('schemas', root))).filter((name) => name in files)).toHaveLength(3);
    for (const [name, text] of Object.entries(files)) expect(await read(`schemas/${name}`)).toBe(text);
  });

  it.each(['report', 'events', 'runner.config'])('%s.schema.json is a schema', (name) => {
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
