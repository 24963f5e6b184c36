import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { jobOf, removeWorkflowFolders, startWorkflow } from '../support/run-workflow.ts';

const STUBBORN = "trap 'echo asked' INT; trap '' TERM; echo s ready; while :; do sleep 0.05 || true; done";

describe('stopping a run', () => {
  it('a closed terminal counts as one Ctrl-C', async () => {
    const started = await startWorkflow(
      jobOf('- { id: s, run: "echo s ready; sleep 999" }\n- { id: always, if: always(), run: echo ran }'),
    );
    await started.printed('s ready');
    started.process.kill('SIGHUP');
    const run = await started.finished;
    expect(run.exitCode).toBe(3);
    expect(run.printed('always')).toEqual(['ran']);
    expect(run.stderr).toContain('Ctrl-C again ends the steps at once.');
    await removeWorkflowFolders();
  });

  it('one Ctrl-C that npm passes on once more is still one', async () => {
    const started = await startWorkflow(
      jobOf(`- { id: s, run: "${STUBBORN}" }\n- { id: always, if: always(), run: echo ran }`).replaceAll(
        'id: s,',
        'id: s, stop-grace: { interrupt-seconds: 0.5, terminate-seconds: 0.1 },',
      ),
      { env: { npm_lifecycle_event: 'npx' } },
    );
    await started.printed('s ready');
    started.process.kill('SIGINT');
    started.process.kill('SIGTERM');
    const run = await started.finished;
    expect(run.exitCode).toBe(3);
    expect(run.printed('always')).toEqual(['ran']);
    await removeWorkflowFolders();
  });

  it('a third Ctrl-C leaves no process, not even a daemon, and the report as it stands', async () => {
    const started = await startWorkflow(
      jobOf(`
        - { id: done, run: "true" }
        - { id: daemon, background: true, run: "setsid bash -c 'trap \\"\\" INT TERM; sleep 998' & ${STUBBORN}" }
        - { id: s, run: "${STUBBORN}" }
      `),
      { keepsTemporaryFiles: true },
    );
    await started.printed('s ready');
    // SIGTERM, SIGINT, SIGHUP: signals of one kind that come at once are one signal to the kernel.
    started.process.kill('SIGTERM');
    await started.printed('asked');
    started.process.kill('SIGINT');
    started.process.kill('SIGHUP');
    const run = await started.finished;
    expect(run.exitCode).toBe(3);
    expect(run.report).toMatchObject({ schema: 1, conclusion: 'cancelled' });
    expect(run.step('done').conclusion).toBe('success');
    expect(run.step('s')).toMatchObject({ conclusion: 'cancelled', reason: 'job-cancelled' });
    await removeWorkflowFolders();
  });

  it('Ctrl-C while a called workflow is fetched ends the fetching', async () => {
    const asked = deferred();
    const server = createServer(() => asked.resolve(undefined)).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      const started = await startWorkflow('on: push\njobs: { call: { uses: o/r/.github/workflows/c.yml@v1 } }\n', {
        env: { PACELINE_ACTIONS_BASE_URL: `http://127.0.0.1:${String(port)}` },
      });
      await asked.promise;
      started.process.kill('SIGINT');
      const run = await started.finished;
      expect([run.exitCode, run.report.conclusion, run.report.jobs]).toEqual([3, 'cancelled', []]);
    } finally {
      server.closeAllConnections();
      server.close();
      await removeWorkflowFolders();
    }
  });
});

function deferred(): { promise: Promise<undefined>; resolve: (value: undefined) => void } {
  let resolve: (value: undefined) => void = () => undefined;
  const promise = new Promise<undefined>((onResolve) => (resolve = onResolve));
  return { promise, resolve };
}
