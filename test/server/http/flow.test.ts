/** What people ask of runs over HTTP: who may, what is refused, what is done once. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunService } from '../../../src/server/runs/run-service.ts';
import { openTestApi, type TestApi } from '../../support/test-api.ts';
import { RunHand } from '../runs/run-harness.ts';

const TEXT = `on: push
jobs:
  probes: { runs-on: linux, steps: [ { run: echo } ], strategy: { dynamic: true, instances: 1 }, region: some }
  deploy: { runs-on: linux, steps: [ { run: echo } ], wait-for: { signal: approved, from: bot } }
  audit: { runs-on: linux, steps: [ { run: echo } ], wait-for: audited }
`;

let api: TestApi;
beforeAll(async () => {
  const runs: Partial<RunService> & { ask?: RunService['ask'] } = {};
  api = await openTestApi({ runs });
  runs.ask = (request) => api.store.execute('ask-run', request);
});
afterAll(() => api.stop());

const errorOf = async (answer: Response): Promise<unknown> => {
  const { error } = (await answer.json()) as { error: { code: string; message: string } };
  return [answer.status, error.message];
};

describe('a signal', () => {
  it('may be sent with a scope of its own, which is good for nothing else', async () => {
    const run = await RunHand.submit(api.store, TEXT);
    const token = await api.token(['runs:signal']);
    const sent = await api.fetch(`/v1/runs/${run.id}/signals`, { token, json: { name: 'approved', data: { by: 7 } } });
    expect(sent.status).toBe(202);
    expect(await sent.json()).toMatchObject({ id: run.id, paused: false, state: 'running' });
    expect(await run.jobs()).toMatchObject({ deploy: 'queued' });
    for (const path of ['pause', 'cancel', 'jobs/deploy/cancel'])
      expect((await api.fetch(`/v1/runs/${run.id}/${path}`, { token, json: {} })).status).toBe(403);
    expect(
      (await api.fetch(`/v1/runs/${run.id}/signals`, { token: await api.token(['runs:read']), json: { name: 'x' } }))
        .status,
    ).toBe(403);
    const rows = await api.store.db.selectFrom('audit').selectAll().where('action', '=', 'run.signal').execute();
    expect(rows.map(({ actor, target, detail }) => [actor, target, JSON.parse(detail) as unknown])).toEqual([
      [
        expect.stringMatching(/^bot \(token \d+\)$/),
        `run ${run.id}`,
        { name: 'approved', job: null, persistent: true },
      ],
    ]);
  });

  it('is refused with a sentence, by 409, and by 404 for a run that is not there', async () => {
    const run = await RunHand.submit(api.store, TEXT);
    const nowhere = await api.fetch(`/v1/runs/${run.id}/signals`, { json: { name: 'approved', job: 'nobody' } });
    expect(await errorOf(nowhere)).toEqual([409, expect.stringContaining('nobody')]);
    const lost = await api.fetch(`/v1/runs/${run.id}/signals`, { json: { name: 'go', persistent: false } });
    expect(await errorOf(lost)).toEqual([409, "No job waits for 'go' now."]);
    expect(await errorOf(await api.fetch('/v1/runs/999/signals', { json: { name: 'a' } }))).toEqual([
      404,
      expect.any(String),
    ]);
    expect(await errorOf(await api.fetch(`/v1/runs/${run.id}/signals`, { json: { name: '' } }))).toEqual([
      400,
      'the body is not as expected at name: expected 1 to 400 characters',
    ]);
    for (const json of [{}, { name: '' }, { name: 'a', persistent: 'no' }, { name: 'a', requestId: 'two words' }])
      expect((await api.fetch(`/v1/runs/${run.id}/signals`, { json })).status).toBe(400);
  });

  it('is sent once, whether its id is in the header or in the body', async () => {
    const text = `on: push\njobs: { a: { runs-on: linux, steps: [ { run: echo } ], wait-for: go }, b: { runs-on: linux, steps: [ { run: echo } ], wait-for: go } }`;
    const run = await RunHand.submit(api.store, text);
    for (let time = 0; time < 2; time++) {
      await api.fetch(`/v1/runs/${run.id}/signals`, { json: { name: 'go', requestId: 'one' } });
      await api.fetch(`/v1/runs/${run.id}/signals`, { json: { name: 'other' }, headers: { 'idempotency-key': 'two' } });
    }
    expect(await run.queue()).toHaveLength(1);
    await api.fetch(`/v1/runs/${run.id}/signals`, { json: { name: 'go' } });
    expect(await run.queue()).toHaveLength(2);
  });
});

it('instances, ends of a part, pause and resume are asked for by path', async () => {
  const run = await RunHand.submit(api.store, TEXT);
  const ask = async (path: string, json: unknown = {}): Promise<number> =>
    (await api.fetch(`/v1/runs/${run.id}/${path}`, { json })).status;
  expect(await ask('pause')).toBe(202);
  expect(await run.summary()).toMatchObject({ paused: true });
  expect(await ask('resume')).toBe(202);
  expect(await ask('jobs/probes/instances', { items: [{ host: 'a' }] })).toBe(202);
  expect((await run.job('probes.2')).matrix).toEqual({ host: 'a' });
  expect((await api.fetch(`/v1/runs/${run.id}/jobs/probes/instances`, { method: 'POST' })).status).toBe(202);
  expect(await ask('jobs/deploy/instances')).toBe(409);
  expect(await ask('jobs/probes.3/cancel')).toBe(202);
  expect(await run.jobs()).toMatchObject({ 'probes.3': 'cancelled' });
  const approval = await api.fetch(`/v1/runs/${run.id}/jobs/deploy/complete`, { json: {} });
  expect(await errorOf(approval)).toEqual([409, expect.stringContaining('approv')]);
  expect(await ask('jobs/audit/complete')).toBe(202);
  expect(await ask('regions/some/cancel')).toBe(202);
  expect(await ask('regions/none/cancel')).toBe(409);
  expect(await run.jobs()).toMatchObject({
    audit: 'success',
    deploy: 'waiting',
    'probes.1': 'cancelled',
    'probes.2': 'cancelled',
  });
});
