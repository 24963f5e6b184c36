/**
 * Agents of another release, as they were built, with the server as it is now. `scripts/compat REF` builds one and calls
 * this. Without it the recorded conversation, beside this file, is what every change is held to.
 */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ControlPlane, type Running } from '../support/control-plane.ts';

const RELEASE = process.env.PACELINE_OTHER_RELEASE ?? '';
const MINUTE_MS = 60_000;

let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.open();
  await plane.startServer();
  const { token } = await plane.request<{ token: string }>('POST', '/v1/tokens', {
    ...{ name: 'old', kind: 'registration', expiresSeconds: 600 },
  });
  const file = join(plane.directory, 'old.token');
  await writeFile(file, token, { mode: 0o600 });
  const register = ['agent', 'register', '--server', plane.url, '--token-file', file, '--name', 'old'];
  const registering = plane.start([...register, '--state', plane.stateOf('old')], {}, RELEASE);
  if ((await registering.exited).code !== 0) throw new Error(registering.output());
}, MINUTE_MS);
afterAll(() => plane.close());

function startOld(): Running {
  return plane.start(['agent', 'run', '--state', plane.stateOf('old')], {}, RELEASE);
}

async function gatedRun(name: string): Promise<{ readonly run: number; readonly gate: string }> {
  const gate = join(plane.directory, name);
  const run = await plane.submit(
    `on: push\njobs:\n  job:\n    runs-on: self-hosted\n    steps:\n      - run: mkfifo '${gate}' && echo begun && read -r _ < '${gate}' && echo ended\n`,
  );
  await plane.seen('the job has begun', () => plane.show(run).then(() => existsSync(gate)));
  return { run, gate };
}

describe('an agent of another release', () => {
  it(
    'runs jobs with outputs, secrets, logs and side by side, and brings what came of them',
    async () => {
      await plane.request('PUT', '/v1/secrets/WORD', { value: 'told-to-nobody' });
      const agent = startOld();
      const run = await plane.submit(`on: push
jobs:
  one:
    runs-on: self-hosted
    outputs: {text: '\${{ steps.set.outputs.text }}'}
    steps:
      - {id: set, run: echo text=value >> "$GITHUB_OUTPUT"}
      - {id: aside, background: true, run: echo aside}
      - {wait: aside}
      - run: echo "secret \${{ secrets.WORD }}"
  two:
    needs: one
    runs-on: self-hosted
    steps:
      - run: echo "got \${{ needs.one.outputs.text }}"
  fails:
    runs-on: self-hosted
    steps:
      - run: exit 3
`);
      const view = await plane.completed(run);
      expect(view.conclusion).toBe('failure');
      expect(view.jobs.map(({ key, conclusion }) => [key, conclusion])).toEqual([
        ['one', 'success'],
        ['two', 'success'],
        ['fails', 'failure'],
      ]);
      expect(await plane.log(run, 'two', 2)).toContain('got value');
      expect(await plane.log(run, 'one', 5)).toContain('secret ***');
      agent.kill('SIGTERM');
      expect(await agent.exited).toMatchObject({ code: 0 });
    },
    2 * MINUTE_MS,
  );

  it(
    'is cancelled, and drained from the server’s side of the wire',
    async () => {
      const agent = startOld();
      const { run } = await gatedRun('cancelled');
      await plane.request('POST', `/v1/runs/${run}/cancel`, {});
      expect(await plane.completed(run)).toMatchObject({ conclusion: 'cancelled' });
      agent.kill('SIGTERM');
      expect(await agent.exited).toMatchObject({ code: 0 });
    },
    2 * MINUTE_MS,
  );

  it(
    'that is killed leaves its job to the agent of now, and the other way round',
    async () => {
      const old = startOld();
      const first = await gatedRun('upwards');
      old.kill('SIGKILL');
      await old.exited;
      const now = plane.startAgent('old');
      await writeFile(first.gate, 'go\n');
      expect(await plane.completed(first.run)).toMatchObject({ conclusion: 'success' });
      expect(await plane.log(first.run, 'job', 2)).toContain('ended');
      const second = await gatedRun('downwards');
      now.kill('SIGKILL');
      await now.exited;
      const again = startOld();
      await writeFile(second.gate, 'go\n');
      expect(await plane.completed(second.run)).toMatchObject({ conclusion: 'success' });
      again.kill('SIGTERM');
      expect(await again.exited).toMatchObject({ code: 0 });
    },
    3 * MINUTE_MS,
  );
});
