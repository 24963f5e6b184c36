/** What `paceline submit` sends, against a server that answers as the test says. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CommandLine, type Ended } from './command-line.ts';
import { runEventsOf, runSummary, runView, sse } from './run-views.ts';
import { json, refuse, ScriptedServer } from './scripted-server.ts';

const HELLO = 'on: push\njobs: { a: { runs-on: x, steps: [ { run: echo hello } ] } }\n';
const CALLS = 'on: push\njobs: { a: { uses: ./.github/workflows/called.yml } }\n';
const CALLED = 'on: workflow_call\njobs: { b: { uses: ./.github/workflows/deeper.yml } }\n';
const DEEPER = HELLO.replace('push', 'workflow_call');

let line: CommandLine;
let server: ScriptedServer;
beforeAll(async () => {
  line = await CommandLine.open({
    'w.yml': HELLO,
    'broken.yml': 'on: push\njobs: { a: { runs-on: x, stesp: [] } }\n',
    'payload.json': '{ "ref": "refs/heads/x" }',
    'list.json': '[]',
    '.github/workflows/calls.yml': CALLS,
    '.github/workflows/called.yml': CALLED,
    '.github/workflows/deeper.yml': DEEPER,
  });
});
afterAll(() => line.close());
beforeEach(async () => {
  server = await ScriptedServer.open();
  server.on('POST /v1/runs', json(201, { runs: [runSummary({ name: 'w' })], diagnostics: [] }));
});
afterEach(() => server.close());

const submit = (...args: string[]): Promise<Ended> => line.run(['submit', ...args], server.environment);

describe('paceline submit', () => {
  it('sends a file and says which run it became', async () => {
    expect(await submit('w.yml')).toEqual({
      exitCode: 0,
      stdout: 'Run 12: w. `paceline runs watch 12` shows it.\n',
      stderr: '',
    });
    expect(server.seen[0]?.body).toEqual({ workflow: { path: 'w.yml', text: HELLO, files: {} } });
    expect(server.seen[0]?.headers['idempotency-key']).toMatch(/^[\w-]{36}$/);
  });

  it('sends the local workflows that it calls, and those that they call', async () => {
    await submit('.github/workflows/calls.yml');
    expect(server.seen[0]?.body).toEqual({
      workflow: {
        path: '.github/workflows/calls.yml',
        text: CALLS,
        files: { './.github/workflows/called.yml': CALLED, './.github/workflows/deeper.yml': DEEPER },
      },
    });
  });

  it('sends what the flags say', async () => {
    const args = ['--event', 'workflow_dispatch', '--event-path', 'payload.json', '--input', 'a=b=c', '--job', 'a'];
    await submit('w.yml', ...args, '--exclusive', 'a,b', '--priority', '-5', '--dedupe-key', 'k');
    expect(server.seen[0]?.body).toMatchObject({
      ...{ event: 'workflow_dispatch', payload: { ref: 'refs/heads/x' }, inputs: { a: 'b=c' }, job: 'a' },
      ...{ exclusive: ['a', 'b'], priority: -5, dedupeKey: 'k' },
    });
  });

  it('names a repository without a file', async () => {
    await submit('--repository', 'acme/widgets', '--ref', 'main', '--event', 'push');
    expect(server.seen[0]?.body).toEqual({ repository: 'acme/widgets', ref: 'main', event: 'push' });
  });

  it('prints the runs for programs', async () => {
    const { stdout } = await submit('w.yml', '--json');
    expect(JSON.parse(stdout)).toEqual({ runs: [runSummary({ name: 'w' })], diagnostics: [] });
  });

  it('with --watch shows the run and exits as it ends', async () => {
    server.on('GET /v1/runs/12', runView({ conclusion: 'failure' }));
    server.on('GET /v1/runs/12/events', (_request, response) => response.end(sse(runEventsOf('failure'))));
    server.on('GET /v1/runs/12/jobs/build/steps/1/log', (_request, response) => response.end('hello\n'));
    const { exitCode, stdout } = await submit('w.yml', '--watch');
    expect(stdout).toContain('build/Build | hello\n');
    expect(exitCode).toBe(1);
  });

  it.each([
    [[], /Name a workflow file, or a repository by --repository OWNER\/NAME/],
    [['none.yml'], /There is no file '.*none\.yml'/],
    [['w.yml', '--ref', 'main'], /--ref, --sha and --clone-url need --repository OWNER\/NAME/],
    [['w.yml', '--event-path', 'list.json'], /does not hold a JSON object/],
    [['w.yml', '--priority', '5000'], /whole number from -1000 to 1000/],
    [['w.yml', '--watch', '--json'], /cannot be given together/],
  ])('%j: exit 2, one sentence, nothing is sent', async (args, sentence) => {
    const { exitCode, stdout, stderr } = await submit(...args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(sentence);
    expect(server.seen).toEqual([]);
  });
});

describe('errors in a workflow', () => {
  it('are found before anything is sent, with their places', async () => {
    const { exitCode, stderr } = await submit('broken.yml');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^broken\.yml:2:\d+: error: .*stesp/m);
    expect(server.seen).toEqual([]);
  });

  it('that the server finds are printed the same way, under the name that the person gave', async () => {
    const diagnostics = [{ severity: 'error', message: 'it calls itself', file: 'w.yml', line: 2, column: 9 }];
    server.on('POST /v1/runs', refuse(400, 'invalid', null, 'the workflow has errors', { diagnostics }));
    const { exitCode, stdout, stderr } = await submit(join(line.workspace, 'w.yml'));
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^${line.workspace}/w\\.yml:2:9: error: it calls itself\\n {4}jobs:`));
  });
});

describe('in a checkout', () => {
  beforeAll(() => {
    const git = (...args: string[]): void => {
      const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'init.defaultBranch=main'];
      execFileSync('git', [...identity, ...args], { cwd: line.workspace, stdio: 'ignore' });
    };
    git('init');
    git('add', '.');
    git('commit', '-m', 'one');
    git('remote', 'add', 'origin', 'https://me:hunter2@git.example.org/acme/widgets.git');
  });

  it('repository, ref and commit go along without the password of the remote, and that is said', async () => {
    const { stderr } = await submit('w.yml');
    const body = server.seen[0]?.body as { sha: string };
    expect(body).toMatchObject({
      repository: 'acme/widgets',
      cloneUrl: 'https://git.example.org/acme/widgets.git',
      ref: 'refs/heads/main',
      sha: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(stderr).toBe(
      `It belongs to acme/widgets, main at ${body.sha.slice(0, 10)}: actions/checkout gets that commit.\n` +
        `warning: no remote branch has ${body.sha.slice(0, 10)}; push it, or checkouts will not find it\n`,
    );
  });

  it('changes that are not committed are told', async () => {
    await line.write('w.yml', `${HELLO}# changed\n`);
    const { stderr } = await submit('w.yml');
    expect(stderr).toContain(
      'warning: changes that are not committed are not part of it, but for the workflow itself\n',
    );
  });

  it('--no-repository leaves them out', async () => {
    await submit('w.yml', '--no-repository');
    expect(Object.keys(server.seen[0]?.body as object)).toEqual(['workflow']);
  });
});
