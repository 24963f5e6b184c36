import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Diagnostic } from '../../src/protocol/diagnostic.ts';
import { CommandLine } from './command-line.ts';

const GOOD = 'on: push\njobs: { a: { runs-on: x, steps: [ { run: echo } ] } }\n';
const BAD = 'on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - rum: echo\n';
const WARNED = `on: push
jobs:
  a:
    runs-on: x
    steps:
      - { id: s, background: true, run: sleep 1 }
`;

const FLOW = `on: push
jobs:
  a: { stage: 0, run-until-stage: 9, runs-on: x, steps: [ { run: echo } ] }
  b: { needs: a, join: { count: 2 }, runs-on: x, steps: [ { run: echo } ] }
  c: { needs: a, next: { goto: nowhere }, runs-on: x, steps: [ { run: echo } ] }
  d: { needs: a, milestone: { job: a, state: begun }, runs-on: x, steps: [ { run: echo } ] }
`;

let line: CommandLine;
beforeAll(async () => {
  line = await CommandLine.open({
    'good.yml': GOOD,
    'bad.yml': BAD,
    'warned.yml': WARNED,
    'flow.yml': FLOW,
    'action.yml': 'runs: { using: composite, steps: [ { run: echo } ] }',
    'sub/action.yml': 'runs: { using: composite, steps: [ { run: echo, shell: bash } ] }',
    '.github/workflows/ci.yml': GOOD,
    'folder/one.yml': GOOD,
    'folder/two.yaml': BAD,
    'folder/notes.txt': 'not a workflow',
  });
});
afterAll(() => line.close());

describe('lint', () => {
  it('points at what is wrong, for people, on standard error', async () => {
    const { exitCode, stdout, stderr } = await line.run(['lint', 'bad.yml']);
    expect(exitCode).toBe(2);
    const [first, second, third] = stderr.split('\n');
    expect(first).toMatch(/^bad\.yml:6:9: error: .*rum/);
    expect(second).toBe('          - rum: echo');
    expect(third).toBe('            ^^^');
    expect(stdout).toMatch(/^1 file checked: \d errors?\n$/);
  });

  it('has nothing against a good file', async () => {
    expect(await line.run(['lint', 'good.yml', 'sub/action.yml'])).toEqual({
      exitCode: 0,
      stdout: '2 files checked: no problems\n',
      stderr: '',
    });
  });

  it('points at what the keys of flow cannot mean, and warns of what they hardly do', async () => {
    const { exitCode, stderr } = await line.run(['lint', 'flow.yml']);
    expect(exitCode).toBe(2);
    const lines = stderr.split('\n').filter((text) => /^flow\.yml:/.test(text));
    expect(lines).toEqual([
      expect.stringMatching(/^flow\.yml:3:\d+: warning: no job is in stage 9/),
      expect.stringMatching(/^flow\.yml:4:\d+: error: .*`count` is 2/),
      expect.stringMatching(/^flow\.yml:5:\d+: error: .*`nowhere`/),
      expect.stringMatching(/^flow\.yml:6:\d+: error: .*`begun`/),
    ]);
  });

  it('does not fail for warnings', async () => {
    const { exitCode, stdout, stderr } = await line.run(['lint', 'warned.yml']);
    expect([exitCode, stdout]).toEqual([0, '1 file checked: 1 warning\n']);
    expect(stderr).toMatch(/^warned\.yml:6:\d+: warning: /);
  });

  it('checks an action as an action', async () => {
    const { exitCode, stderr } = await line.run(['lint', 'action.yml']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^action\.yml:1:\d+: error: .*shell/);
  });

  it('takes the workflows of a folder, and without a path those of the current one', async () => {
    const folder = await line.run(['lint', 'folder']);
    expect(folder.stderr).toMatch(/^folder\/two\.yaml:6:9: error/);
    expect(folder.stdout).toMatch(/^2 files checked/);
    expect((await line.run(['lint'])).stdout).toBe('1 file checked: no problems\n');
  });

  it('names a file once, however often it is given', async () => {
    expect((await line.run(['lint', 'good.yml', './good.yml', 'good.yml'])).stdout).toMatch(/^1 file checked/);
  });

  it.each([[['--json']], [['--format', 'json']]])('%j prints the diagnostics as JSON', async (args) => {
    const { exitCode, stdout, stderr } = await line.run(['lint', 'bad.yml', 'warned.yml', ...args]);
    expect([exitCode, stderr]).toEqual([2, '']);
    const diagnostics = JSON.parse(stdout) as Diagnostic[];
    expect(diagnostics.map(({ file }) => file)).toEqual(expect.arrayContaining(['bad.yml', 'warned.yml']));
    expect(diagnostics[0]).toMatchObject({
      severity: 'error',
      file: 'bad.yml',
      line: 6,
      column: 9,
      rule: expect.any(String),
    });
    expect(JSON.parse((await line.run(['lint', 'good.yml', ...args])).stdout)).toEqual([]);
  });

  it('prints SARIF for code scanning', async () => {
    const { stdout } = await line.run(['lint', 'bad.yml', '--format', 'sarif']);
    const log = JSON.parse(stdout);
    expect(log.version).toBe('2.1.0');
    expect(log.runs[0].tool.driver).toMatchObject({ name: 'Paceline', semanticVersion: expect.stringMatching(/^\d/) });
    expect(log.runs[0].results[0]).toMatchObject({
      level: 'error',
      locations: [
        { physicalLocation: { artifactLocation: { uri: 'bad.yml' }, region: { startLine: 6, startColumn: 9 } } },
      ],
    });
  });

  it('colours when it is told to', async () => {
    expect((await line.run(['lint', 'bad.yml'], { FORCE_COLOR: '1' })).stderr).toContain('\u001b[1;31merror:');
    expect((await line.run(['lint', 'bad.yml', '--no-color'], { FORCE_COLOR: '1' })).stderr).not.toContain('\u001b');
  });
});
