/** What flow asks of a run on this machine: timers, signals, attempts, and an end where nothing can happen any more. */
import { describe, expect, it } from '@jest/globals';
import { runWorkflow, type WorkflowRun } from '../support/run-workflow.ts';

const job = (more = '', run = 'true'): string =>
  `{ runs-on: self-hosted, ${more} steps: [ { run: ${JSON.stringify(run)} } ] }`;
const workflow = (jobs: Readonly<Record<string, string>>): string =>
  `on: push\njobs:\n${Object.entries(jobs)
    .map(([id, text]) => `  ${id}: ${text}\n`)
    .join('')}`;

const ends = ({ report }: WorkflowRun): Record<string, string> =>
  Object.fromEntries(
    report.jobs.map(({ id, iteration, attempt, conclusion, reason }) => [
      `${id}${iteration > 1 ? `~${iteration}` : ''}${attempt > 1 ? `r${attempt}` : ''}`,
      [conclusion, reason].filter(Boolean).join(' '),
    ]),
  );

describe('a run on this machine', () => {
  it('gives jobs that wait for them the signals of the command line', async () => {
    const run = await runWorkflow(
      workflow({
        build: job(),
        deploy: job('needs: build, wait-for: { signal: approved },', 'echo "got ${{ flow.signal.data }}"'),
      }),
      { args: ['--signal', 'approved={"by":"ada"}', '--signal', 'nobody-waits'] },
    );
    expect(run.exitCode).toBe(0);
    expect(run.log('Run echo "got {"by":"ada"}"', 'deploy')).toContain('got {by:ada}');
  });

  it('ends with a sentence where jobs wait and nothing can happen any more; what cleans up still runs', async () => {
    const run = await runWorkflow(
      workflow({
        deploy: job('wait-for: { signal: approved },'),
        note: job('needs: deploy, if: always(),'),
      }),
    );
    expect(run.exitCode).toBe(3);
    expect(run.stdout).toContain("deploy | waiting for the signal 'approved'\n");
    expect(run.stderr).toContain(
      "The run cannot go on and is cancelled. 'deploy' is waiting for the signal 'approved', and nobody can send one to " +
        'a run on this machine; give it with --signal approved.',
    );
    expect(ends(run)).toEqual({ deploy: 'cancelled stuck', note: 'success' });
    expect(run.events.filter(({ type }) => type === 'waiting')).toMatchObject([
      { job: 'deploy', id: 'deploy', name: 'deploy' },
    ]);
  });

  it('does not wait out the time for an approval that only others may give', async () => {
    const approval = job('wait-for: { signal: approved, from: [grace-h], timeout-minutes: 120 },');
    const run = await runWorkflow(workflow({ deploy: approval }), { args: ['--signal', 'approved'] });
    expect(run.exitCode).toBe(3);
    expect(run.stderr).toMatch(
      /'deploy' is waiting for the signal 'approved' from grace-h, and only \S+ can send one to a run on this machine\./,
    );
    expect(ends(run)).toEqual({ deploy: 'cancelled stuck' });
  });

  it('ends by force where even what cleans up waits', async () => {
    const run = await runWorkflow(workflow({ note: job('if: always(), wait-for: { signal: never },') }));
    expect(run.exitCode).toBe(3);
    expect(ends(run)).toEqual({ note: 'cancelled stuck' });
  });

  it('fails a job whose signal does not come in time', async () => {
    const waits = 'wait-for: { signal: approved, timeout-minutes: 0.003 },';
    const run = await runWorkflow(workflow({ deploy: job(waits), after: job('needs: deploy,') }));
    expect(run.exitCode).toBe(1);
    expect(ends(run)).toMatchObject({ deploy: expect.stringMatching(/^failure/), after: 'skipped needs' });
  });

  it('tries again, goes round, passes gates and goes back, and reports each time by its number', async () => {
    const attempt = 'test "${{ flow.attempt }}" = 2 || { echo "seen=yes" >> "$PACELINE_RETRY_STATE"; exit 75; }';
    const run = await runWorkflow(
      workflow({
        flaky: job('retry: { max-attempts: 3, backoff: { min: 10ms, max: 10ms } },', attempt),
        poll: `{ needs: flaky, loop: { vars: { n: 0 }, until: loop.n == 2, jobs: { look: { runs-on: self-hosted, outputs: { n: "\${{ steps.s.outputs.n }}" }, steps: [ { id: s, run: "echo n=$(( \${{ loop.n }} + 1 )) >> $GITHUB_OUTPUT" } ] } } } }`,
        gate: '{ needs: poll, join: active, outputs: { x: "1" } }',
        check: job(`needs: gate, next: [ { if: flow.iteration == 1, goto: gate } ], before: { ready: ${job()} },`),
      }),
    );
    expect(run.exitCode).toBe(0);
    expect(ends(run)).toEqual({
      flaky: 'failure',
      flakyr2: 'success',
      poll: 'success',
      'poll@1.look': 'success',
      'poll@2.look': 'success',
      gate: 'success',
      'gate~2': 'success',
      check: 'success',
      'check~2': 'success',
      'check@before.ready': 'success',
      'check~2@before.ready': 'success',
    });
    expect(run.stdout).toContain('flaky~r2 | waiting for its next attempt\n');
    expect(run.stdout).not.toContain('✗ flaky / ');
  });

  it('shows as withdrawn who lost a race, and succeeds', async () => {
    const run = await runWorkflow(
      workflow({ one: job('race: r,'), two: job('race: r,'), after: job('needs: [one, two], join: active,') }),
    );
    expect(run.exitCode).toBe(0);
    expect(ends(run)).toEqual({ one: 'success', two: 'withdrawn race', after: 'success' });
  });

  it('does what steps ask of it, and says what it refuses', async () => {
    const run = await runWorkflow(
      workflow({
        sender: job('', 'echo "approved" >> "$PACELINE_SIGNAL"; echo "nobody" >> "$PACELINE_CANCEL"'),
        waiter: job('wait-for: { signal: approved },'),
      }),
    );
    expect(run.exitCode).toBe(0);
    expect(ends(run)).toEqual({ sender: 'success', waiter: 'success' });
    const requests = run.events.flatMap((event) => (event.type === 'flow-request' ? [event] : []));
    expect(requests).toMatchObject([
      { job: 'sender', id: 1, request: { kind: 'signal', name: 'approved' } },
      { job: 'sender', id: 2, request: { kind: 'cancel', target: 'nobody' }, refused: expect.any(String) },
    ]);
    expect(run.stdout).toContain('sender | refused: ');
  });
});
