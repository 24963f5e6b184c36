/** The command line against a server and an agent, each a process of its own. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ControlPlane, type Running } from '../support/control-plane.ts';

const CI = `
name: CI
on: push
jobs:
  build:
    runs-on: self-hosted
    outputs: { version: "\${{ steps.version.outputs.version }}" }
    steps:
      - id: server
        name: Server
        background: true
        run: echo up; sleep 600
      - id: version
        run: |
          echo version=7 >> "$GITHUB_OUTPUT"
          echo "the needle is here"
      - cancel: server
  test:
    needs: build
    runs-on: self-hosted
    strategy: { matrix: { n: [1, 2] } }
    steps:
      - name: Show
        run: echo "version \${{ needs.build.outputs.version }}, part \${{ matrix.n }}, \${{ secrets.DEEP }}"
`;

let plane: ControlPlane;
let server: Running;
let agent: Running;
beforeAll(async () => {
  plane = await ControlPlane.open();
  await writeFile(join(plane.directory, 'ci.yml'), CI);
  server = await plane.startServer();
  await plane.register('one', ['--labels', 'gpu']);
  agent = plane.startAgent('one', ['--slots', '2']);
}, 60_000);
afterAll(async () => {
  expect(await plane.close()).toEqual([]);
}, 60_000);

async function paceline(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const running = plane.start(args, {
    PACELINE_SERVER: plane.url,
    PACELINE_TOKEN: (await readFile(join(plane.dataDirectory, 'admin-token'), 'utf8')).trim(),
  });
  let stdout = '';
  let stderr = '';
  running.child.stdout?.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  running.child.stderr?.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  await new Promise((resolve) => running.child.once('close', resolve));
  return { code: running.child.exitCode, stdout, stderr };
}

describe('a control plane by the command line', () => {
  it('says where it is and keeps its token for its owner', async () => {
    expect(server.output()).toContain(`Paceline's server listens at ${plane.url}\n`);
    const token = join(plane.dataDirectory, 'admin-token');
    expect(server.output()).toContain(`new, in ${token}\n`);
    expect((await stat(token)).mode & 0o777).toBe(0o600);
    expect(server.output()).not.toContain('pcl_u_');
  });

  it('submit, watch, show and logs tell the same', async () => {
    const args = ['secrets', 'set', 'DEEP', '--value-file', join(plane.directory, 'deep.txt')];
    await writeFile(join(plane.directory, 'deep.txt'), 'hunter2hunter2');
    expect((await paceline(...args)).code).toBe(0);

    const watched = await paceline('submit', 'ci.yml', '--watch', '--no-repository');
    expect(watched.stdout).toContain('build/Server | up\n');
    expect(watched.stdout).toContain('test.1/Show | version 7, part 1, ***\n');
    expect(watched.stdout).toContain('test.2/Show | version 7, part 2, ***\n');
    expect(watched.stdout).not.toContain('hunter2');
    expect(watched.stdout).toMatch(/CI: success in \S+ \(3 jobs, \d+ steps\)\n$/);
    expect(watched.code).toBe(0);

    const show = JSON.parse((await paceline('runs', 'show', '1', '--json')).stdout) as {
      conclusion: string;
      jobs: { key: string; outputs: object }[];
    };
    expect(show.conclusion).toBe('success');
    expect(show.jobs.map(({ key }) => key)).toEqual(['build', 'test.1', 'test.2']);
    expect(show.jobs[0]?.outputs).toEqual({ version: '7' });

    const { stdout: log } = await paceline('runs', 'logs', '1', '--job', 'test.2', '--step', 'Show');
    expect(log).toMatch(/\nversion 7, part 2, \*\*\*\n$/);
    expect((await paceline('runs', 'logs', '1', '--job', 'test.2', '--step', 'Show', '-f')).stdout).toBe(log);
    const { stdout: found } = await paceline('runs', 'logs', '1', '--search', 'the needle is here', '--job', 'build');
    expect(found).toMatch(/^build\/\d+:\d+: the needle is here$/m);
  }, 60_000);

  it('shows runners, and why a job waits for one', async () => {
    const [runner] = JSON.parse((await paceline('runners', 'list', '--json')).stdout) as { labels: string[] }[];
    expect(runner).toMatchObject({ name: 'one', slots: 2, labels: expect.arrayContaining(['self-hosted', 'gpu']) });
    await writeFile(join(plane.directory, 'tpu.yml'), CI.replaceAll('runs-on: self-hosted', 'runs-on: tpu'));
    await paceline('submit', 'tpu.yml');
    expect((await paceline('runs', 'show', '2')).stdout).toMatch(/build: queued, .*no runner has the label/);
    expect((await paceline('runs', 'cancel', '2')).code).toBe(0);
    expect((await plane.completed(2)).conclusion).toBe('cancelled');
    expect((await paceline('runs', 'watch', '2')).code).toBe(3);
  }, 60_000);

  it('an agent says what it does, and ends with 0 when it is drained', async () => {
    const place = ['--state', plane.stateOf('one')];
    const status = await paceline('agent', 'status', ...place);
    expect(status.stdout).toMatch(new RegExp(`^Runner one of ${plane.url}: process ${agent.pid}\nidle`));
    expect((await paceline('agent', 'drain', ...place)).code).toBe(0);
    expect(await agent.exited).toEqual({ code: 0, signal: null });
    expect((await paceline('agent', 'drain', ...place)).code).toBe(2);
  }, 60_000);

  it('a server ends with 0 on SIGTERM, and takes its address away', async () => {
    server.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await expect(stat(join(plane.dataDirectory, 'address'))).rejects.toThrow('ENOENT');
    expect((await paceline('runs', 'list')).code).toBe(4);
  });
});
