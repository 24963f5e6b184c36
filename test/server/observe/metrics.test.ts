import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { METRICS } from '../../../src/server/observe/metric-table.ts';
import { openMetrics, type OpenMetrics } from '../../../src/server/observe/open-metrics.ts';
import { describeDatabases } from '../../support/postgres.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { insertAttempt } from '../logs/attempt-rows.ts';

describeDatabases('the metrics', (database) => {
  let store: TestStore;
  let metrics: OpenMetrics;
  beforeEach(async () => {
    store = await openTestStore({ database });
    metrics = await openMetrics(() => store, tmpdir());
  });
  afterEach(async () => {
    metrics.close();
    await store.close();
  });

  const lines = async (name: string): Promise<string[]> => {
    const { text } = await metrics.page();
    return text.split('\n').filter((line) => line.startsWith(`paceline_${name}`));
  };

  it('name everything that the server measures, from the beginning', async () => {
    const { text, contentType } = await metrics.page();
    expect(contentType).toContain('text/plain');
    for (const name of [...Object.keys(METRICS), 'event_loop_delay_seconds'])
      expect(text).toContain(`# TYPE paceline_${name} `);
  });

  it('have levels as the database has them at this moment', async () => {
    const attempt = await insertAttempt(store, 'build', 'running');
    const { db } = store;
    const { id: label_set_id } = await db
      .insertInto('label_set')
      .values({ labels: '["gpu","linux"]' })
      .returning('id')
      .executeTakeFirstOrThrow();
    const { job_id } = await db.selectFrom('attempt').select('job_id').executeTakeFirstOrThrow();
    await db
      .insertInto('ready')
      .values({ attempt_id: attempt, job_id, label_set_id, priority: 0, queued_at: 0, not_before: 0 })
      .execute();
    expect(await lines('queue_depth')).toEqual(['paceline_queue_depth{label_set="gpu,linux"} 1']);
    expect(await lines('attempts')).toContain('paceline_attempts{state="queued"} 1');
    await db.deleteFrom('ready').execute();
    await db.updateTable('attempt').set({ state: 'offered', runner_id: 'r', session_id: 's', offered_at: 1 }).execute();
    await db.insertInto('lease').values({ attempt_id: attempt, session_id: 's', fence: 1, due_at: 1 }).execute();
    await db
      .insertInto('log_stream')
      .values({
        ...{ attempt_id: attempt, step: 1, length: 10, lines: 1, announced: 35 },
        ...{ sealed_length: null, sealed_hash: null, cut: null, removed_at: null },
      })
      .execute();
    expect(await lines('queue_depth')).toEqual([]);
    expect(await lines('attempts')).toContain('paceline_attempts{state="offered"} 1');
    expect(await lines('log_durable_lag_bytes')).toEqual(['paceline_log_durable_lag_bytes 25']);
    expect(await lines('agent_spool_bytes')).toEqual(['paceline_agent_spool_bytes 35']);
  });

  it('say how many runners there are in each state', async () => {
    const { db } = store;
    const runner = { public_key: '', seal_key: '', labels: '[]', ephemeral: 0, consumed: 0, created_at: 0 };
    for (const [id, paused] of [
      ['a', 0],
      ['b', 0],
      ['c', 1],
    ] as const)
      await db
        .insertInto('runner')
        .values({ ...runner, id, name: id, paused, last_seen: null, removed_at: null })
        .execute();
    expect(await lines('runners')).toEqual([
      'paceline_runners{state="idle"} 0',
      'paceline_runners{state="busy"} 0',
      'paceline_runners{state="paused"} 0',
      'paceline_runners{state="draining"} 0',
      'paceline_runners{state="unhealthy"} 0',
      'paceline_runners{state="offline"} 3',
    ]);
  });

  it('say whether the database answers, and what is free on the disk', async () => {
    expect(await lines('database_up')).toEqual(['paceline_database_up 1']);
    const [free, size] = [await lines('disk_free_bytes'), await lines('disk_size_bytes')].map(([line]) =>
      Number(line!.split(' ')[1]),
    );
    expect(free).toBeGreaterThan(0);
    expect(size).toBeGreaterThan(free!);
    const away = await openMetrics(() => null, '/nowhere');
    const { text } = await away.page();
    expect(text).toMatch(/^paceline_database_up 0$/m);
    away.close();
  });

  it('count what is counted, known or not, and are not disturbed by what does not fit', async () => {
    metrics.count('fenced_total');
    metrics.count('illegal_transition_total', { from: 'running', to: 'queued' }, 2);
    metrics.count('log_bytes_total', {}, 100);
    metrics.add('sse_clients', 1);
    metrics.add('sse_clients', 1);
    metrics.add('sse_clients', -1);
    metrics.fromStore({ kind: 'observe', name: 'ops_per_commit', labels: {}, value: 3 });
    metrics.count('something_new_total', { of: 'x' });
    metrics.count('fenced_total', { nobody: 'knows' });
    metrics.observe('fenced_total', 1);
    expect(await lines('fenced_total')).toEqual(['paceline_fenced_total 1']);
    expect(await lines('illegal_transition_total')).toEqual([
      'paceline_illegal_transition_total{from="running",to="queued"} 2',
    ]);
    expect(await lines('sse_clients')).toEqual(['paceline_sse_clients 1']);
    expect(await lines('ops_per_commit_bucket')).toContain('paceline_ops_per_commit_bucket{le="4"} 1');
    expect(await lines('something_new_total')).toEqual(['paceline_something_new_total{of="x"} 1']);
  });
});
