import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { budgetsOf } from '../../src/config/budgets.ts';
import { type LoadedConfig, loadRunnerConfig } from '../../src/config/load-runner-config.ts';
import { DEFAULT_RUNNER_CONFIG, type RunnerConfig } from '../../src/config/runner-config.ts';
import { runnerConfigSchema } from '../../src/config/runner-config-schema.ts';
import { CONFIG_VARIABLES } from '../../src/config/runner-config-variables.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paceline-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(text: string | null, environment: Record<string, string> = {}): Promise<LoadedConfig> {
  const file = text === null ? null : join(folder, 'runner.config.json');
  if (file !== null) await writeFile(file, text ?? '');
  return loadRunnerConfig({ file, environment, directory: '/here' });
}

async function loaded(text: string | null, environment: Record<string, string> = {}): Promise<RunnerConfig> {
  const result = await load(text, environment);
  if (result.kind === 'problem') throw new Error(JSON.stringify(result.diagnostics));
  return result.config;
}

/** `FILE:LINE:COLUMN LENGTH MESSAGE`, the file without its folder. */
async function problems(text: string | null, environment: Record<string, string> = {}): Promise<string[]> {
  const result = await load(text, environment);
  if (result.kind === 'loaded') return [];
  return result.diagnostics.map(({ file, line, column, length, message }) => {
    return `${file.replace(`${folder}/`, '')}:${line}:${column} ${length} ${message}`;
  });
}

describe('what is said where', () => {
  it('the defaults hold where there is neither a file nor a variable', async () => {
    expect(await loaded(null)).toEqual(DEFAULT_RUNNER_CONFIG);
  });

  it('an empty file says nothing beyond the defaults', async () => {
    expect(await loaded('{}')).toEqual(DEFAULT_RUNNER_CONFIG);
  });

  it('the file outranks the defaults, key by key', async () => {
    const config = await loaded('{ "stopGrace": { "interruptSeconds": 1 }, "log": { "level": "debug" } }');
    expect(config.stopGrace).toEqual({ interruptSeconds: 1, terminateSeconds: 2.5 });
    expect(config.log).toEqual({ level: 'debug', file: null });
  });

  it('a variable outranks the file', async () => {
    const environment = { PACELINE_MAX_BACKGROUND: '3', PACELINE_ACTIONS_OFFLINE: 'true', PACELINE_LOG: 'info' };
    const config = await loaded('{ "maxBackground": 2, "actions": { "baseUrl": "file:///srv" } }', environment);
    expect(config.maxBackground).toBe(3);
    expect(config.actions).toMatchObject({ baseUrl: 'file:///srv', offline: true });
    expect(config.log.level).toBe('info');
  });

  it('a variable that is empty counts as not set', async () => {
    expect((await loaded('{ "maxBackground": 2 }', { PACELINE_MAX_BACKGROUND: '' })).maxBackground).toBe(2);
  });

  it('paths are relative to the file, in a variable to the current folder', async () => {
    const text =
      '{ "hooks": { "jobStarted": "./a.sh" }, "actions": { "roots": ["r", "/s"] }, "nodeRuntimes": { "24": "n" } }';
    const environment = {
      PACELINE_HOOKS_JOB_COMPLETED: 'b.sh',
      PACELINE_ENV_FILE: '/etc/env',
    };
    const config = await loaded(text, environment);
    expect(config.hooks).toEqual({ jobStarted: join(folder, 'a.sh'), jobCompleted: '/here/b.sh' });
    expect(config.actions.roots).toEqual([join(folder, 'r'), '/s']);
    expect(config.nodeRuntimes).toEqual({ 24: join(folder, 'n') });
    expect(config.envFile).toBe('/etc/env');
  });

  it('lists are written as in PATH, Node runtimes as VERSION=PATH with commas', async () => {
    const config = await loaded(null, {
      PACELINE_ACTIONS_ROOTS: ['/a', 'b'].join(delimiter),
      PACELINE_NODE_RUNTIMES: '24=/opt/a=b, 22=/opt/c',
    });
    expect(config.actions.roots).toEqual(['/a', '/here/b']);
    expect(config.nodeRuntimes).toEqual({ 22: '/opt/c', 24: '/opt/a=b' });
  });

  it('every key has a variable, named in its description, and no variable is without a key', () => {
    expect(leaves(runnerConfigSchema.parse({}))).toEqual(CONFIG_VARIABLES.map(({ path }) => path.join('.')));
    const described = JSON.stringify(runnerConfigSchema.toJSONSchema({ io: 'input' }));
    for (const { variable } of CONFIG_VARIABLES) expect(described).toContain(`Environment variable: ${variable}.`);
  });
});

describe('what is refused', () => {
  it('an unknown key is refused where it stands, with the key that was probably meant', async () => {
    expect(await problems('{\n  "maxBackgroud": 3,\n  "stopGrace": { "interuptSeconds": 1 }\n}')).toEqual([
      "runner.config.json:3:18 17 Unknown key 'interuptSeconds' in 'stopGrace': did you mean 'interruptSeconds'?",
      "runner.config.json:2:3 14 Unknown key 'maxBackgroud': did you mean 'maxBackground'?",
    ]);
  });

  it('an unknown key that resembles none is answered with those that there are', async () => {
    expect(await problems('{ "hooks": { "xyz": 1 } }')).toEqual([
      "runner.config.json:1:14 5 Unknown key 'xyz' in 'hooks': known are jobStarted, jobCompleted",
    ]);
  });

  it.each([
    ['{ "maxBackground": 0 }', "20 1 'maxBackground': Too small: expected number to be >=1."],
    ['{ "maxBackground": "4" }', "20 3 'maxBackground': expected number, received string."],
    ['{ "cgroups": "on" }', '14 4 \'cgroups\': expected one of "auto"|"off".'],
    ['{ "stopGrace": 4 }', "16 1 'stopGrace': expected object, received number."],
    [
      '{ "actions": { "baseUrl": "github.com" } }',
      "27 12 'actions.baseUrl': expected a URL such as https://github.com.",
    ],
    ['{ "nodeRuntimes": { "node24": "/n" } }', `31 4 'nodeRuntimes.node24': expected a version such as "24".`],
    ['{ "envFile": "" }', "14 2 'envFile': Too small: expected string to have >=1 characters."],
    // An agent gives a poll up after 150 s, and would never hear of what comes later.
    ['{ "server": { "pollSeconds": 121 } }', "30 3 'server.pollSeconds': Too big: expected number to be <=120."],
    ['[]', '1 2 The configuration: expected object, received array.'],
  ])('a value that does not fit is refused where it stands: %s', async (text, expected) => {
    expect(await problems(text)).toEqual([`runner.config.json:1:${expected}`]);
  });

  it.each([
    ['{\n  "a": tru\n}', "2:11 1 Not JSON: Unexpected token '\\n'."],
    ['{ "log": {}, }', '1:14 1 Not JSON: Expected double-quoted property name.'],
    ['', '1:1 1 Not JSON: Unexpected end of JSON input.'],
    ['// no\n{}', "1:1 1 Not JSON: Unexpected token '/'."],
  ])('what is not JSON is refused where it breaks: %j', async (text, expected) => {
    expect(await problems(text)).toEqual([`runner.config.json:${expected}`]);
  });

  it('a key that is there twice is refused', async () => {
    expect(await problems('{ "maxBackground": 1, "maxBackground": 2 }')).toEqual([
      'runner.config.json:1:23 1 This key is here twice.',
    ]);
  });

  it('a wrong value of a variable is refused under its name', async () => {
    expect(await problems('{ "maxBackground": 1 }', { PACELINE_MAX_BACKGROUND: 'many' })).toEqual([
      "PACELINE_MAX_BACKGROUND:1:1 1 'maxBackground': expected number, received string.",
    ]);
  });

  it('a file that is not there is refused', async () => {
    const result = await loadRunnerConfig({ file: join(folder, 'none.json'), environment: {}, directory: '/' });
    expect(result).toMatchObject({ kind: 'problem', diagnostics: [{ line: 1, rule: 'unreadable' }] });
  });
});

describe('budgets', () => {
  it.each([
    ['{ "coordinatorGraceSeconds": 10 }', 'coordinatorGraceSeconds (10 s) must be longer than stopGrace in all (10 s)'],
    ['{ "tearDownSeconds": 12 }', 'tearDownSeconds (12 s) must be longer than coordinatorGraceSeconds (12 s)'],
    ['{ "cancelTimeoutSeconds": 5 }', 'cancelTimeoutSeconds (5 s) must be longer than coordinatorGraceSeconds (12 s)'],
  ])('a budget that is not longer than what it waits for is refused: %s', async (text, expected) => {
    const [problem, ...others] = await problems(text);
    expect(problem).toContain(expected);
    expect(others).toEqual([]);
  });

  it('a longer ladder lengthens what is not configured', () => {
    const stopGrace = { interruptSeconds: 60, terminateSeconds: 5 };
    expect(budgetsOf({ ...DEFAULT_RUNNER_CONFIG, stopGrace })).toEqual({
      ladder: { interruptMs: 60_000, terminateMs: 5_000 },
      coordinatorGraceMs: 67_000,
      cancelTimeoutMs: 300_000,
      tearDownMs: 85_000,
    });
  });
});

function leaves(value: unknown, path: readonly string[] = []): string[] {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap || path[0] === 'nodeRuntimes') return [path.join('.')];
  return Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]));
}
