/** `paceline doctor` as it is called, with a real server and a real agent. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CheckResult } from '../../src/doctor/run-checks.ts';
import { ControlPlane } from '../support/control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.open();
  await plane.startServer();
  await plane.register('one');
}, 60_000);
afterAll(() => plane.close());

async function doctor(...args: string[]): Promise<{ code: number | null; checks: Record<string, CheckResult> }> {
  const { exited, output } = plane.start(['doctor', '--json', ...args]);
  const { code } = await exited;
  const { checks } = JSON.parse(output()) as { checks: CheckResult[] };
  return { code, checks: Object.fromEntries(checks.map((check) => [check.id, check] as const)) };
}

function connected(name: string): Promise<void> {
  return plane.seen(`${name} is connected`, async () => {
    const { runners } = await plane.request<{ runners: { name: string; state: string }[] }>('GET', '/v1/runners');
    return runners.some((runner) => runner.name === name && runner.state === 'idle');
  });
}

describe('paceline doctor', () => {
  it('knows of no server where no runner is, and finds nothing wrong with that', async () => {
    const { code, checks } = await doctor('--state', join(plane.directory, 'nobody'));
    expect(code).toBe(0);
    expect([checks.server, checks.registration, checks.permissions]).toMatchObject([
      { verdict: 'skipped' },
      { verdict: 'skipped' },
      { verdict: 'skipped' },
    ]);
  });

  it('looks with the defaults where the configuration is wrong, and says what is', async () => {
    const config = join(plane.directory, 'wrong.config.json');
    await writeFile(config, '{"agent":{"slots":"zzz"}}');
    const { code, checks } = await doctor('--state', join(plane.directory, 'nobody'), '--config', config);
    expect([code, checks.configuration, checks.git]).toMatchObject([1, { verdict: 'wrong' }, { verdict: 'ok' }]);
    expect(checks.configuration?.found).toContain("'agent.slots'");
  });

  it('calls credentials without their keys damaged', async () => {
    const state = join(plane.directory, 'keyless');
    await mkdir(state, { mode: 0o700 });
    await writeFile(join(state, 'runner.json'), '{"server":"http://127.0.0.1:1","runner":"r","name":"n"}', {
      mode: 0o600,
    });
    const { code, checks } = await doctor('--state', state);
    expect([code, checks.registration]).toMatchObject([
      1,
      { verdict: 'wrong', found: expect.stringContaining('damaged') },
    ]);
  });

  it('asks the server in the name of the runner, without ending its session', async () => {
    const agent = plane.startAgent('one');
    await connected('one');
    const { code, checks } = await doctor('--state', plane.stateOf('one'));
    expect(checks.registration).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(/^Runner one of .* its agent is connected/),
    });
    expect([code, checks.server, checks.service]).toMatchObject([0, { verdict: 'ok' }, { verdict: 'ok' }]);
    expect(checks.service?.found).toContain(String(agent.pid));
    expect(agent.child.exitCode).toBeNull();
    await plane.request('POST', '/v1/runners/one/pause');
    expect((await doctor('--state', plane.stateOf('one'))).checks.registration).toMatchObject({ verdict: 'note' });
    agent.kill('SIGTERM');
    await agent.exited;
  }, 60_000);

  it('says that a runner was removed, by exit code 1, and shows no key', async () => {
    await plane.register('two');
    await plane.request('DELETE', '/v1/runners/two');
    const { code, checks } = await doctor('--state', plane.stateOf('two'));
    expect([code, checks.registration]).toMatchObject([1, { verdict: 'wrong' }]);
    expect(checks.registration?.found).toContain('is not known there any more');
    const { signingKey } = JSON.parse(await readFile(join(plane.stateOf('two'), 'runner.json'), 'utf8')) as {
      signingKey: string;
    };
    expect(JSON.stringify(checks)).not.toContain(signingKey);
  });

  it('prints a line for each thing, the way out below it, and a sum', async () => {
    const running = plane.start([
      'doctor',
      '--state',
      join(plane.directory, 'nobody'),
      '--server',
      'http://127.0.0.1:1',
    ]);
    expect((await running.exited).code).toBe(1);
    expect(running.output()).toMatch(/WRONG +Server +http:\/\/127\.0\.0\.1:1 cannot be reached.*\n +→ /);
    expect(running.output()).toMatch(/1 thing is wrong\.\n$/);
  });
});
