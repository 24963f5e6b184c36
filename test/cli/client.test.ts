/** Commands that speak with a server, against one that answers as the test says. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CommandLine } from './command-line.ts';
import { jobView, runSummary, runView } from './run-views.ts';
import { json, refuse, ScriptedServer, TOKEN } from './scripted-server.ts';

let line: CommandLine;
let server: ScriptedServer;
beforeAll(async () => {
  line = await CommandLine.open({ 'token.txt': `${TOKEN}\n`, 'empty.txt': '' });
});
afterAll(() => line.close());
beforeEach(async () => {
  server = await ScriptedServer.open();
});
afterEach(() => server.close());

const RUNS = { runs: [runSummary(), runSummary({ id: 7, name: 'Nightly', conclusion: 'failure' })], cursor: null };

describe('help', () => {
  it.each([
    ['up'],
    ['server'],
    ['agent'],
    ['agent register'],
    ['agent run'],
    ['agent status'],
    ['login'],
    ['submit'],
    ['runs'],
    ['runs list'],
    ['runs logs'],
    ['runners list'],
    ['tokens create'],
    ['secrets set'],
    ['variables set'],
    ['repositories set'],
    ['audit'],
  ])('%s explains with an example', async (command) => {
    const { exitCode, stdout, stderr } = await line.run([...command.split(' '), '--help']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/Examples?:\n {2}paceline \S+/);
    expect(stdout).toContain('Exit codes: 0');
  });
});

describe('which server', () => {
  it('is named by an option, with the token of a file', async () => {
    server.on('GET /v1/runs', RUNS);
    const { exitCode, stdout } = await line.run(['runs', 'list', '--server', server.url, '--token-file', 'token.txt']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('12\tsuccess\tCI\tacme/widgets\tmain\tpush\t2.5s\t');
  });

  it('is remembered by a login, in a file for this account alone', async () => {
    server.on('GET /v1/runs', RUNS);
    const login = await line.run(['login', server.url, '--token-file', 'token.txt']);
    const file = join(line.root, 'home/.config/paceline/login.json');
    expect(login).toEqual({
      exitCode: 0,
      stdout: `Logged in at ${server.url}; the token is kept in ${file}.\n`,
      stderr: '',
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ server: server.url, token: TOKEN });
    expect((await line.run(['runs', 'list'])).exitCode).toBe(0);
    await line.shell('rm -r "$HOME/.config"');
  });

  it('a token that is not accepted is not kept', async () => {
    const ended = await line.shell(
      `echo wrong | "$NODE" "$CLI" login ${server.url}; code=$?; ls -A "$HOME"; exit $code`,
    );
    expect(ended.exitCode).toBe(4);
    expect(ended.stderr).toContain('does not accept the token of standard input: the server does not know this token.');
    expect(ended.stdout).toBe('');
  });

  it('is the one on this machine, when its files are for this account alone', async () => {
    server.on('GET /v1/runs', RUNS);
    const folder = join(line.workspace, '.paceline/server');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'address'), `${server.url}\n`);
    await writeFile(join(folder, 'admin-token'), `${TOKEN}\n`, { mode: 0o600 });
    expect((await line.run(['runs', 'list'])).exitCode).toBe(0);
    // As it would come out of somebody's repository.
    await line.shell('chmod 644 .paceline/server/admin-token');
    const { exitCode, stderr } = await line.run(['runs', 'list']);
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/^paceline: No server is known: [^\n]*\n$/)]);
    await line.shell('rm -r .paceline');
  });

  it.each([
    [['--server', 'not-a-url'], /'not-a-url' is no address of a server/],
    [['--server', 'ftp://x'], /'ftp:\/\/x' is no address/],
    [['--server', 'http://me:hunter2@x'], /has no name and no password in it/],
    [['--server', 'http://127.0.0.1:9'], /No token for http:\/\/127\.0\.0\.1:9 is known/],
    [['--server', 'http://127.0.0.1:9', '--token-file', 'none.txt'], /--token-file cannot be read: ENOENT/],
    [['--server', 'http://127.0.0.1:9', '--token-file', 'empty.txt'], /there is nothing in 'empty\.txt'/],
  ])('%j: exit 2 and one sentence', async (args, sentence) => {
    const { exitCode, stdout, stderr } = await line.run(['runs', 'list', ...args]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^paceline: [^\n]+\n$/);
    expect(stderr).not.toContain('hunter2');
  });
});

describe('a server that does not do what is asked', () => {
  const list = (environment = server.environment): Promise<{ exitCode: number | null; stderr: string }> =>
    line.run(['runs', 'list'], environment);

  it('that is not there: exit 4, with its address and what the system says', async () => {
    const { exitCode, stderr } = await list({ PACELINE_SERVER: 'http://127.0.0.1:9', PACELINE_TOKEN: TOKEN });
    expect(exitCode).toBe(4);
    expect(stderr).toMatch(
      /^paceline: The server at http:\/\/127\.0\.0\.1:9 cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:9\. [^\n]*\n$/,
    );
  });

  it('that does not know the token: exit 4, with where the token is from and never the token', async () => {
    const { exitCode, stderr } = await list({ PACELINE_SERVER: server.url, PACELINE_TOKEN: 'pcl_u_wrong' });
    expect(exitCode).toBe(4);
    expect(stderr).toContain('does not accept the token of PACELINE_TOKEN: the server does not know this token.');
    expect(stderr).not.toContain('pcl_u_wrong');
  });

  it('that does not let the token do it: exit 4', async () => {
    server.on('GET /v1/runs', refuse(403, 'unauthorized', 'scope-missing', 'the scope runs:read is needed'));
    expect(await list()).toMatchObject({
      exitCode: 4,
      stderr: 'paceline: The token of PACELINE_TOKEN may not do this: the scope runs:read is needed.\n',
    });
  });

  it('that is no Paceline server, such as a portal that wants a login: exit 4', async () => {
    server.on('GET /v1/runs', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome to our hotel</html>');
    });
    expect(await list()).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining('what answered is no Paceline server (status 200, text/html)'),
    });
  });

  it('that cannot reach its database is asked again, then: exit 4', async () => {
    const down = refuse(503, 'unavailable', 'database', 'the database cannot be reached', { retryAfterMs: 1 });
    server.on('GET /v1/runs', down, down, json(200, RUNS));
    expect((await list()).exitCode).toBe(0);
    server.on('GET /v1/runs', down);
    expect(await list()).toMatchObject({ exitCode: 4, stderr: 'paceline: The database cannot be reached.\n' });
    expect(server.requestsOf('GET /v1/runs')).toHaveLength(3 + 4);
  });

  it('that does not have it: exit 2', async () => {
    server.on('GET /v1/runs/99', refuse(404, 'not_found', null, 'there is no run 99'));
    const ended = await line.run(['runs', 'show', '99'], server.environment);
    expect(ended).toEqual({ exitCode: 2, stdout: '', stderr: 'paceline: There is no run 99.\n' });
  });

  it('that fails: exit 70', async () => {
    server.on('GET /v1/runs', refuse(500, 'internal', null, 'the server failed at this request'));
    expect((await list()).exitCode).toBe(70);
  });

  it('that is newer and says more is understood', async () => {
    server.on('GET /v1/runs', { runs: [{ ...runSummary(), colour: 'green' }], cursor: null, total: 1 });
    expect((await list()).exitCode).toBe(0);
  });
});

describe('runs', () => {
  it('are listed page after page up to the limit, filtered by the server', async () => {
    const page = (from: number): object => ({
      runs: Array.from({ length: 100 }, (_, index) => runSummary({ id: from - index })),
      cursor: from - 100,
    });
    server.on('GET /v1/runs', page(500), page(400), page(300));
    const args = ['runs', 'list', '--limit', '200', '--state', 'completed', '--repository', 'acme/widgets', '--json'];
    const { stdout } = await line.run(args, server.environment);
    expect((JSON.parse(stdout) as { id: number }[]).map(({ id }) => id)).toEqual(
      Array.from({ length: 200 }, (_, index) => 500 - index),
    );
    expect(server.seen.map(({ path }) => path)).toEqual([
      '/v1/runs?repository=acme%2Fwidgets&state=completed&limit=100',
      '/v1/runs?repository=acme%2Fwidgets&state=completed&limit=100&cursor=400',
    ]);
  });

  it('are shown with their jobs, steps and why they wait', async () => {
    const waiting = { state: 'queued', conclusion: null, runner: null, startedAt: null, completedAt: null } as const;
    const gpu = jobView({
      ...waiting,
      key: 'train',
      name: 'train',
      waiting: 'no runner has the labels gpu',
      steps: [],
    });
    server.on('GET /v1/runs/12', runView({ state: 'running', conclusion: null, jobs: [jobView(), gpu] }));
    const { exitCode, stdout } = await line.run(['runs', 'show', '12'], server.environment);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').slice(0, 2)).toEqual(['Run 12: CI', 'running']);
    expect(stdout).toContain('acme/widgets at main (aaaaaaaaaa)');
    expect(stdout).toContain(
      '✓ build: success, on one, 2.5s\n1\tsuccess\tSet up\t2.5s\t\n2\tsuccess\tRun tests\t2.5s\t\n',
    );
    expect(stdout).toContain('· train: queued, no runner has the labels gpu\n');
  });

  it('are cancelled, also by force', async () => {
    server.on('POST /v1/runs/12/cancel', json(202, runSummary({ cancelling: true })));
    await line.run(['runs', 'cancel', '12'], server.environment);
    const forced = await line.run(['runs', 'cancel', '12', '--force'], server.environment);
    expect(forced).toEqual({ exitCode: 0, stdout: 'Run 12 is being cancelled.\n', stderr: '' });
    expect(server.seen.map(({ body }) => body)).toEqual([{ force: false }, { force: true }]);
  });

  it.each([
    ['signal', '12', ''],
    ['signal', '12', 'go', '--job', ''],
    ['cancel', '12', '--job', ''],
  ])('are not asked with an empty name: %j', async (...args) => {
    const { exitCode, stderr } = await line.run(['runs', ...args], server.environment);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('Expected a name that is not empty.')]);
    expect(server.seen).toEqual([]);
  });

  it('are asked for a signal, the end of a part, more instances and a pause', async () => {
    const asked = async (path: string, ...args: readonly string[]) => {
      server.on(`POST /v1/runs/12/${path}`, json(202, runSummary({ state: 'running', conclusion: null })));
      const { exitCode, stdout } = await line.run(['runs', ...args], server.environment);
      expect(exitCode).toBe(0);
      expect(server.seen.at(-1)?.headers['idempotency-key']).toMatch(/^[\w-]{36}$/);
      return [stdout, server.seen.at(-1)?.body];
    };
    expect(await asked('signals', 'signal', '12', 'approved', '--data', '{"by":"ada"}', '--job', 'deploy')).toEqual([
      "Job deploy of run 12 has the signal 'approved'.\n",
      { name: 'approved', persistent: true, job: 'deploy', data: '{"by":"ada"}' },
    ]);
    expect(await asked('signals', 'signal', '12', 'tick', '--transient')).toEqual([
      "Run 12 has the signal 'tick'.\n",
      { name: 'tick', persistent: false },
    ]);
    expect(await asked('jobs/build.2/cancel', 'cancel', '12', '--job', 'build.2')).toEqual([
      'Job build.2 of run 12 is being cancelled.\n',
      {},
    ]);
    expect(await asked('regions/evidence/cancel', 'cancel', '12', '--region', 'evidence')).toEqual([
      'The region evidence of run 12 is being cancelled.\n',
      {},
    ]);
    expect(await asked('jobs/probe/complete', 'complete', '12', 'probe')).toEqual([
      'Job probe of run 12 is complete.\n',
      {},
    ]);
    expect(
      await asked('jobs/probe/instances', 'add', '12', 'probe', '--item', '{"host":"a"}', '--item', '{"host":"b"}'),
    ).toEqual(['Job probe of run 12 has 2 more instances.\n', { items: [{ host: 'a' }, { host: 'b' }] }]);
    expect(await asked('pause', 'pause', '12')).toEqual(['Run 12 is paused.\n', {}]);
    expect(await asked('resume', 'resume', '12')).toEqual(['Run 12 goes on.\n', {}]);
  });

  it('say what they refuse, and what cannot be meant', async () => {
    const message = "run 12 has no job 'deploi'";
    server.on(
      'POST /v1/runs/12/signals',
      json(409, { error: { code: 'conflict', reason: null, message, detail: null } }),
    );
    const refused = await line.run(['runs', 'signal', '12', 'go', '--job', 'deploi'], server.environment);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain("Run 12 has no job 'deploi'");
    const both = await line.run(['runs', 'cancel', '12', '--job', 'a', '--region', 'b'], server.environment);
    expect([both.exitCode, both.stderr]).toEqual([2, expect.stringContaining('exclude each other')]);
    const text = await line.run(['runs', 'add', '12', 'probe', '--item', 'a=b'], server.environment);
    expect([text.exitCode, text.stderr]).toEqual([2, expect.stringContaining('Expected a JSON object')]);
  });

  it('show what is paused, what is withdrawn and what waits for whom', async () => {
    const deploy = jobView({
      ...{ key: 'deploy', name: 'deploy', state: 'waiting', conclusion: null, runner: null, startedAt: null },
      waiting: "waiting for the signal 'approved' from ada or grace",
      waitsFor: { kind: 'signal', names: ['approved'], from: ['ada', 'grace'] },
      steps: [],
    });
    const slow = jobView({ key: 'slow', name: 'slow', conclusion: 'withdrawn', reason: 'race', steps: [] });
    const run = runView({ state: 'running', paused: true, conclusion: null, jobs: [deploy, slow] });
    server.on('GET /v1/runs/12', run);
    const { stdout } = await line.run(['runs', 'show', '12'], server.environment);
    expect(stdout.split('\n')[1]).toBe('paused');
    expect(stdout).toContain("· deploy: waiting for the signal 'approved' from ada or grace\n");
    expect(stdout).toContain('– slow: withdrawn, race');
  });

  it('are run again, all or what failed, once even if the answer was lost', async () => {
    server.on('POST /v1/runs/12/rerun', json(201, runSummary({ attempt: 2 })));
    const { stderr } = await line.run(['runs', 'rerun', '12', '--failed'], server.environment);
    expect(stderr).toBe('Run 12 runs again, attempt 2.\n');
    expect(server.seen[0]?.body).toEqual({ jobs: 'failed' });
    expect(server.seen[0]?.headers['idempotency-key']).toMatch(/^[\w-]{36}$/);
  });
});

describe('logs', () => {
  const text =
    (body: string): Parameters<ScriptedServer['on']>[1] =>
    (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(body);

  it('of a step are printed byte by byte; it is named by number, id or name', async () => {
    server.on('GET /v1/runs/12', runView());
    server.on('GET /v1/runs/12/jobs/build/steps/2/log', text('one\ntwo \u001b[31mred\u001b[0m'));
    for (const step of ['2', 'unit', 'Run tests']) {
      const { stdout } = await line.run(['runs', 'logs', '12', '--step', step], server.environment);
      expect(stdout).toBe('one\ntwo \u001b[31mred\u001b[0m');
    }
  });

  it('of a run are printed with job and step', async () => {
    server.on('GET /v1/runs/12/log', text('build\t1 Set up\thello\n'));
    const { stdout } = await line.run(['runs', 'logs', '12'], server.environment);
    expect(stdout).toBe('build\t1 Set up\thello\n');
  });

  it('are searched by the server', async () => {
    const hits = `${JSON.stringify({ job: 'build', step: 2, line: 41, text: 'out of memory' })}\n{"end":"limit"}\n`;
    server.on('GET /v1/runs/12/logs/search', (_request, response) => response.writeHead(200).end(hits));
    const ended = await line.run(['runs', 'logs', '12', '--search', 'out of'], server.environment);
    expect(ended).toEqual({
      exitCode: 0,
      stdout: 'build/2:41: out of memory\n',
      stderr: 'The search ended early: there are more lines.\n',
    });
    const asJson = await line.run(['runs', 'logs', '12', '--search', 'out of', '--json'], server.environment);
    expect(asJson.stdout).toBe(hits);
  });

  it.each([
    [['--job', 'none'], "The run has no job 'none'; it has build."],
    [['--step', 'none'], "The job build has no step 'none'; it has 1 Set up, 2 Run tests."],
    [['--pattern'], '--pattern is for --search.'],
    [['--search', 'x', '-f'], '--search looks at what there is; it cannot be given with --follow.'],
  ])('%j: exit 2 and one sentence', async (args, sentence) => {
    server.on('GET /v1/runs/12', runView());
    const ended = await line.run(['runs', 'logs', '12', ...args], server.environment);
    expect(ended).toEqual({ exitCode: 2, stdout: '', stderr: `paceline: ${sentence}\n` });
  });
});

describe('what a server keeps', () => {
  it('a secret comes from standard input or a file, and is not printed', async () => {
    server.on('PUT /v1/secrets/NPM_TOKEN', { name: 'NPM_TOKEN', version: 3, updatedAt: runSummary().createdAt });
    const args = '"$NODE" "$CLI" secrets set NPM_TOKEN --repository acme/widgets';
    const ended = await line.shell(`printf 'hunter2\\nline two\\n' | ${args}`, [], server.environment);
    expect(ended).toEqual({ exitCode: 0, stdout: 'Secret NPM_TOKEN has version 3.\n', stderr: '' });
    expect(server.seen[0]).toMatchObject({
      path: '/v1/secrets/NPM_TOKEN?repository=acme%2Fwidgets',
      body: { value: 'hunter2\nline two' },
    });
    expect((await line.run(['secrets', 'set', 'A', 'value'], server.environment)).exitCode).toBe(2);
  });

  it('tokens are listed with the hour until which they are good, and with what is left of their uses', async () => {
    const { createdAt } = runSummary();
    const token = (id: number, change: object): object => ({
      ...{ id, name: 'ci', kind: 'registration', scopes: [], createdAt, lastUsedAt: null, revokedAt: null },
      ...{ expiresAt: '2999-11-21T18:05:00.000Z', group: null, usesLeft: null, ...change },
    });
    const tokens = [
      token(1, { usesLeft: 0 }),
      token(2, { usesLeft: 1, group: 'deploy' }),
      token(3, { usesLeft: 12, expiresAt: '2001-01-01T00:00:00.000Z' }),
      token(4, { usesLeft: 12 }),
      token(5, { expiresAt: null }),
    ];
    server.on('GET /v1/tokens', { tokens, cursor: null });
    const { stdout } = await line.run(['tokens', 'list'], server.environment);
    const shown = stdout.split('\n').flatMap((row) => (row === '' ? [] : [row.split('\t')]));
    expect(shown.slice(1).map(([id, , , state, , group]) => [id, state, group])).toEqual([
      ['1', 'used up', ''],
      ['2', 'until 2999-11-21 18:05 UTC, 1 use', 'deploy'],
      ['3', 'expired', ''],
      ['4', 'until 2999-11-21 18:05 UTC, 12 uses', ''],
      ['5', 'good', ''],
    ]);
    const { stdout: json } = await line.run(['tokens', 'list', '--json'], server.environment);
    expect(JSON.parse(json)).toMatchObject([{ usesLeft: 0 }, { usesLeft: 1, group: 'deploy' }, {}, {}, {}]);
  });

  it('a token is printed once, to standard output alone', async () => {
    const { createdAt } = runSummary();
    const view = { id: 4, name: 'ci', kind: 'registration', scopes: [], createdAt };
    const times = { expiresAt: null, lastUsedAt: null, revokedAt: null };
    server.on('POST /v1/tokens', json(201, { token: 'pcl_r_new', view: { ...view, ...times } }));
    const args = ['tokens', 'create', 'ci', '--kind', 'registration', '--expires', '2h', '--uses', '3'];
    const ended = await line.run(args, server.environment);
    expect(ended).toEqual({
      exitCode: 0,
      stdout: 'pcl_r_new\n',
      stderr: 'Token 4 (ci); it is shown only now:\n',
    });
    const expected = { name: 'ci', kind: 'registration', scopes: [], expiresSeconds: 7_200, uses: 3 };
    expect(server.seen[0]?.body).toEqual(expected);
    const wrong = await line.run(['tokens', 'create', 'x', '--expires', 'soon'], server.environment);
    expect(wrong).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--expires takes a number and a unit'),
    });
  });

  it('runners are listed, paused, resumed and removed by name', async () => {
    const runner = { id: 'r1', name: 'build-7', labels: ['self-hosted', 'linux'], state: 'busy', ephemeral: false };
    const more = { version: '0.1.0', slots: 4, busy: 3, lastSeenAt: null, note: null, group: 'gpus' };
    server.on('GET /v1/runners', { runners: [{ ...runner, ...more }] });
    for (const change of ['pause', 'resume']) server.on(`POST /v1/runners/build-7/${change}`, null);
    server.on('DELETE /v1/runners/build-7', null);
    const listed = await line.run(['runners', 'list'], server.environment);
    expect(listed.stdout.split('\n')[1]).toBe('build-7\tbusy\t3/4\tgpus\tself-hosted, linux\tnever\t0.1.0\t\t');
    expect((await line.run(['runners', 'pause', 'build-7'], server.environment)).stdout).toBe(
      'Runner build-7 gets no more jobs.\n',
    );
    expect((await line.run(['runners', 'resume', 'build-7'], server.environment)).exitCode).toBe(0);
    expect((await line.run(['runners', 'remove', 'build-7'], server.environment)).exitCode).toBe(0);
    expect((await line.run(['runners', 'remove', 'none'], server.environment)).exitCode).toBe(2);
  });

  it('the audit is asked for by pages, as a table or as JSON', async () => {
    const entry = (id: number, detail: object): object => {
      const at = '2026-01-31T10:00:00.123Z';
      return { id, at, actor: 'deploy (token 3)', action: 'run.cancel', target: `run ${id}`, detail };
    };
    const first = { entries: Array.from({ length: 100 }, (_, at) => entry(200 - at, {})), cursor: 101 };
    const rest = { entries: [entry(100, { force: true, name: 'x', none: null })], cursor: 100 };
    server.on('GET /v1/audit', json(200, first), json(200, rest));
    const args = ['--limit', '101', '--since', '2026-01-30', '--actor', 'deploy', '--action', 'run'];
    const { stdout, stderr } = await line.run(['audit', ...args], server.environment);
    expect(stderr).toBe('');
    const lines = stdout.trimEnd().split('\n');
    expect([lines.length, lines[0], lines[101]]).toEqual([
      102,
      'TIME (UTC)\tACTOR\tACTION\tTARGET\tDETAIL',
      '2026-01-31 10:00:00\tdeploy (token 3)\trun.cancel\trun 100\tforce: true, name: x',
    ]);
    const asked = 'since=2026-01-30T00%3A00%3A00.000Z&actor=deploy&action=run';
    expect(server.seen.map(({ path }) => path)).toEqual([
      `/v1/audit?${asked}&limit=100`,
      `/v1/audit?${asked}&limit=1&cursor=101`,
    ]);
    server.on('GET /v1/audit', { ...rest, cursor: null });
    const listed = await line.run(['audit', '--json', '--since', '2h'], server.environment);
    expect(JSON.parse(listed.stdout)).toEqual(rest.entries);
    server.on('GET /v1/audit', { entries: [], cursor: null });
    expect(await line.run(['audit'], server.environment)).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'There is no such entry.\n',
    });
    expect(await line.run(['audit', '--since', 'yesterday'], server.environment)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--since takes a span such as 30m'),
    });
  });

  it.each([
    ['secrets', '/v1/secrets', { secrets: [] }, 'There is no secret.\n'],
    ['variables', '/v1/variables', { variables: [] }, 'There is no variable.\n'],
    ['repositories', '/v1/repositories', { repositories: [] }, 'No repository is registered.\n'],
    ['tokens', '/v1/tokens', { tokens: [], cursor: null }, 'There is no token.\n'],
  ])('an empty list of %s is said, and is an empty list for programs', async (command, path, answer, sentence) => {
    server.on(`GET ${path}`, answer);
    expect(await line.run([command, 'list'], server.environment)).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: sentence,
    });
    expect((await line.run([command, 'list', '--json'], server.environment)).stdout).toBe('[]\n');
  });
});
