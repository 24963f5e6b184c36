/** The images of the Dockerfile, run by a Docker engine: one for all of the file, as it and the images take most of the time. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { endings } from '../faults/fault-plane.ts';
import { describeDocker } from '../support/docker.ts';
import { DockerEngine } from '../support/docker-engine.ts';
import { ContainerGate, ContainerPlane, QUICK_HEALTH } from './container-plane.ts';
import { buildImages, layerFiles, RUNNER, SERVER } from './images.ts';
import { composeSecrets, playCompose } from './play-compose.ts';
import { job, TWO_JOBS, writeAction } from './workflows.ts';

const SECRET = '/run/secrets/registration-token';
/** On a machine that has other things to do. */
const LIMIT_MS = 180_000;

describeDocker('containers', () => {
  let engine: DockerEngine;
  let plane: ContainerPlane;
  /** Of everything secret that was mounted. */
  const secrets: string[] = [];

  beforeAll(async () => {
    engine = await DockerEngine.start();
    await buildImages(engine);
    await writeAction(join(engine.folder, 'actions/acme/mark'));
    plane = await playCompose(engine);
    secrets.push(...(await composeSecrets(engine)));
    await startRunner('runner', 1);
  }, 2 * LIMIT_MS);

  afterAll(async () => expect(await engine.close()).toEqual([]), LIMIT_MS);

  /** It has its name as label, and a token for so many registrations. */
  async function startRunner(name: string, uses: number, ...options: readonly string[]): Promise<void> {
    const token = await plane.registrationToken(uses);
    secrets.push(await readFile(token, 'utf8'));
    await engine.docker(
      ...['run', '-d', '--name', name, '--network', 'front', '-v', `${name}-data:/var/lib/paceline`],
      ...['-v', `${token}:${SECRET}:ro`, '-e', `PACELINE_TOKEN_FILE=${SECRET}`],
      ...['-e', 'PACELINE_SERVER=http://server:7380', '-e', `PACELINE_RUNNER_NAME=${name}`],
      ...['-e', `PACELINE_AGENT_LABELS=${name}`, '-e', 'PACELINE_ACTIONS_ROOTS=/actions'],
      ...['-v', `${join(engine.folder, 'actions')}:/actions:ro`, ...options, RUNNER],
    );
  }

  it(
    'of the compose file lose nothing when a runner is killed and the server and its database are restarted',
    async () => {
      const runners = ['runner-1', 'runner-2'] as const;
      const gates = await Promise.all(runners.map((name) => ContainerGate.open(engine, name, 'work')));
      const run = await plane.submit(TWO_JOBS);
      // Each has one slot: both jobs run, so each has one of them.
      await Promise.all(gates.map((gate) => gate.reached()));
      const lost = (await plane.show(run)).jobs.find(({ runner }) => runner === 'runner-2')!.key;

      // Its container ends with the agent, and the engine starts it again.
      await engine.attempt(['exec', 'runner-2', 'pkill', '-KILL', '-f', 'paceline.js agent run']);
      await engine.docker('restart', 'database');
      await engine.docker('restart', 'server');
      await engine.healthy('server');
      await gates[0]!.pass();
      const view = await plane.completed(run);
      expect(Object.fromEntries(view.jobs.map(({ key, conclusion }) => [key, conclusion]))).toEqual({
        one: lost === 'one' ? 'failure' : 'success',
        two: lost === 'two' ? 'failure' : 'success',
      });
      expect(await plane.paceline('runs', 'logs', String(run))).toContain('went on');

      await gates[1]!.remove();
      await plane.paceline('runs', 'rerun', String(run), '--failed', '--watch', '--quiet');
      expect((await plane.show(run)).conclusion).toBe('success');
      await engine.docker('rm', '-f', ...runners);
    },
    LIMIT_MS,
  );

  it(
    'run jobs as somebody who is not root and cannot change what runs them',
    async () => {
      const run = await plane.submit(
        job('runner', ['id -u', 'touch /opt/paceline/bin/manifest.json && exit 1; exit 0', 'touch runner.config.json']),
      );
      expect(endings(await plane.completed(run))).toEqual(['job: success', '0: success', '1: success', '2: success']);
      expect(await plane.paceline('runs', 'logs', String(run))).toContain('1001');
      for (const name of ['server', 'runner'])
        expect(
          await engine.docker('exec', name, 'sh', '-c', 'id -u; touch /etc/paceline/x 2>/dev/null || echo no'),
        ).toBe('1001\nno');
    },
    LIMIT_MS,
  );

  it(
    'reap what steps leave behind',
    async () => {
      // A process that ended and that nobody waits for is still there for whoever asks.
      const orphan = '(setsid sh -c "exit 0" & echo $! >pid); timeout 20 tail -s 0.05 -f --pid "$(cat pid)" /dev/null';
      const run = await plane.submit(job('runner', [orphan]));
      expect(endings(await plane.completed(run))).toEqual(['job: success', '0: success']);
    },
    LIMIT_MS,
  );

  it(
    'drain when they are stopped, and know who they are when they are started again',
    async () => {
      const gate = await ContainerGate.open(engine, 'runner', 'drain');
      const run = await plane.submit(job('runner', [gate.script]));
      await gate.reached();
      const stopped = plane.stop('runner', 60);
      await engine.said('runner', /^Draining/);
      await gate.pass();
      expect(await stopped).toBe(0);
      expect(endings(await plane.completed(run))).toEqual(['job: success', '0: success']);

      // Its token is spent: what it needs is in its volume.
      await engine.docker('start', 'runner');
      const next = await plane.submit(job('runner', ['exit 0']));
      expect(endings(await plane.completed(next))).toEqual(['job: success', '0: success']);
    },
    LIMIT_MS,
  );

  it(
    'cancel jobs that take longer than the drain may, post steps included',
    async () => {
      await startRunner('brief', 1, '-e', 'PACELINE_AGENT_DRAIN_TIMEOUT_SECONDS=0.1');
      const gate = await ContainerGate.open(engine, 'brief', 'endless');
      const run = await plane.submit(job('brief', [gate.script], '{ uses: acme/mark@v1 }'));
      await gate.reached();
      expect(await plane.stop('brief', 60)).toBe(3);
      expect(endings(await plane.completed(run))).toEqual([
        'job: failure (agent-drained)',
        'Run acme/mark@v1: success',
        '0: cancelled',
      ]);
      expect(await plane.paceline('runs', 'logs', String(run))).toContain('the post step ran');
    },
    LIMIT_MS,
  );

  it(
    'report a job as lost that was killed with them, and take the next one',
    async () => {
      const gate = await ContainerGate.open(engine, 'runner', 'killed');
      const run = await plane.submit(job('runner', [gate.script]));
      await gate.reached();
      await engine.docker('kill', 'runner');
      await engine.docker('start', 'runner');
      const [ending] = endings(await plane.completed(run));
      expect(ending).toMatch(/^job: failure \(.*lost\)$/);
      const next = await plane.submit(job('runner', ['exit 0']));
      expect(endings(await plane.completed(next))).toEqual(['job: success', '0: success']);
    },
    LIMIT_MS,
  );

  it(
    'take one job where they are ephemeral, and are somebody new when they are started again',
    async () => {
      await startRunner('once', 2, '-e', 'PACELINE_AGENT_EPHEMERAL=true');
      for (const start of [false, true]) {
        if (start) await engine.docker('start', 'once');
        const run = await plane.submit(job('once', ['exit 0']));
        expect(await engine.docker('wait', 'once')).toBe('0');
        expect(endings(await plane.completed(run))).toEqual(['job: success', '0: success']);
      }
    },
    LIMIT_MS,
  );

  it(
    'run one job by a configuration that is mounted, and are healthy meanwhile',
    async () => {
      const file = join(engine.folder, 'jit');
      await writeFile(file, await plane.paceline('runners', 'jit', '--labels', 'just-in-time'), { mode: 0o644 });
      secrets.push(await readFile(file, 'utf8'));
      await engine.docker(
        ...['run', '-d', '--name', 'jit', '--network', 'front', ...QUICK_HEALTH, '-v', `${file}:/run/secrets/jit:ro`],
        // What the configuration names is where people reach the server.
        ...['-e', 'PACELINE_AGENT_SERVER=http://server:7380'],
        ...[RUNNER, 'agent', 'run', '--jit-file', '/run/secrets/jit', '--state', '/var/lib/paceline/agent'],
      );
      await engine.healthy('jit');
      const run = await plane.submit(job('just-in-time', ['exit 0']));
      expect(await engine.docker('wait', 'jit')).toBe('0');
      expect(endings(await plane.completed(run))).toEqual(['job: success', '0: success']);
      await engine.docker('start', 'jit');
      expect(await engine.docker('wait', 'jit')).toBe('4');
    },
    LIMIT_MS,
  );

  it(
    'end with a sentence and a code where they cannot be a runner',
    async () => {
      const attempt = await engine.attempt(['run', '--rm', RUNNER]);
      expect(attempt.code).toBe(2);
      expect(attempt.stderr).toContain('No runner is registered');
      const bad = join(engine.folder, 'bad-token');
      await writeFile(bad, 'nobody-knows-it');
      const refused = await engine.attempt([
        ...['run', '--rm', '--network', 'front', '-v', `${bad}:${SECRET}:ro`, '-e', `PACELINE_TOKEN_FILE=${SECRET}`],
        ...['-e', 'PACELINE_SERVER=http://server:7380', RUNNER],
      ]);
      expect(refused.code).toBe(4);
      expect(refused.stderr).not.toContain('nobody-knows-it');
    },
    LIMIT_MS,
  );

  it(
    'keep the data of a server with SQLite in the volume',
    async () => {
      const start = ['-d', '--name', 'alone', ...QUICK_HEALTH, '-v', 'alone:/var/lib/paceline', SERVER];
      const alone = new ContainerPlane(engine, 'alone');
      await engine.docker('run', ...start);
      await engine.healthy('alone');
      const run = await alone.submit(job('nobody', ['exit 0']));
      expect(await alone.stop('alone', 60)).toBe(0);
      await engine.docker('rm', 'alone');
      await engine.docker('run', ...start);
      await engine.healthy('alone');
      expect(await alone.show(run)).toMatchObject({ id: run, jobs: [{ state: 'queued' }] });
      await engine.docker('rm', '-f', 'alone');
    },
    LIMIT_MS,
  );

  it(
    'show no secret to those who look at images, containers and their output',
    async () => {
      const shown = [
        await engine.docker('history', '--no-trunc', SERVER),
        await engine.docker('history', '--no-trunc', RUNNER),
        await engine.docker('inspect', SERVER, RUNNER, 'server', 'runner', 'database'),
        ...(await Promise.all(['server', 'runner'].map((name) => said(engine, name)))),
        await engine.docker('top', 'server', '-eo', 'pid,args'),
        await engine.docker('top', 'runner', '-eo', 'pid,args'),
        await engine.docker('exec', 'runner', 'sh', '-c', 'tr "\\0" "\\n" </proc/1/environ'),
      ];
      const admin = await engine.docker('exec', 'server', 'cat', '/var/lib/paceline/server/admin-token');
      for (const secret of [admin, ...secrets]) for (const text of shown) expect(text).not.toContain(secret);
    },
    LIMIT_MS,
  );

  it(
    'have in their layers what is packed and nothing else',
    async () => {
      const files = await layerFiles(engine, RUNNER);
      const ours = files.filter((path) => path.startsWith('opt/paceline/versions/'));
      expect(ours.length).toBeGreaterThan(20);
      expect(files.filter((path) => FOREIGN.test(path))).toEqual([]);
      const others = files.filter((path) => !path.startsWith('opt/paceline/') && !path.endsWith('/'));
      expect(others.filter((path) => !SYSTEM.test(path))).toEqual([]);
    },
    LIMIT_MS,
  );
});

/** What a checkout has and an image has not. */
const FOREIGN = /(^|\/)(test|src|\.git|\.env|packages|cache)(\/|$)|\.(tar|t?gz|map)$|token/;
/** What making an account changes, and the command. */
const SYSTEM = /^(etc\/|home\/paceline\/\.|usr\/local\/bin\/paceline$|var\/log\/|var\/mail\/)/;

async function said(engine: DockerEngine, container: string): Promise<string> {
  const { stdout, stderr } = await engine.attempt(['logs', container]);
  return stdout + stderr;
}
