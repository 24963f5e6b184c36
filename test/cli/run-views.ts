import type { JobReport, StepReport } from '../../src/protocol/report.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import type { JobView, RunSummary, RunView } from '../../src/protocol/run-api.ts';

const AT = '2026-11-21T08:00:00.000Z';
const LATER = '2026-11-21T08:00:02.500Z';

export function runSummary(more: Partial<RunSummary> = {}): RunSummary {
  return {
    ...{ id: 12, name: 'CI', path: '.github/workflows/ci.yml', repository: 'acme/widgets', event: 'push' },
    ...{
      ref: 'refs/heads/main',
      sha: 'a'.repeat(40),
      actor: 'admin',
      state: 'completed',
      waiting: null,
      paused: false,
    },
    ...{ conclusion: 'success', cancelling: false, attempt: 1, createdAt: AT, startedAt: AT, completedAt: LATER },
    ...more,
  };
}

export function runView(more: Partial<RunView> = {}): RunView {
  return { ...runSummary(), jobs: [jobView()], diagnostics: [], ...more };
}

export function jobView(more: Partial<JobView> = {}): JobView {
  return {
    ...{ key: 'build', id: 'build', name: 'build', instance: 0, matrix: null, needs: [], state: 'completed' },
    ...{
      iteration: 1,
      waiting: null,
      waitsFor: null,
      conclusion: 'success',
      reason: null,
      message: null,
      outputs: {},
      attempt: 1,
    },
    ...{ attemptId: 'abcdefgh12345678', attemptState: 'finished', runner: 'one', labels: ['self-hosted'] },
    ...{ queuedAt: AT, startedAt: AT, completedAt: LATER },
    steps: [
      { state: 'completed', step: stepReport(), log: { length: 10, lines: 1, sealed: true } },
      { state: 'completed', step: stepReport({ number: 2, id: 'unit', name: 'Run tests' }), log: null },
    ],
    ...more,
  };
}

export function stepReport(more: Partial<StepReport> = {}): StepReport {
  return {
    ...{ number: 1, id: null, name: 'Set up', kind: 'run', phase: 'main', background: false, group: null, targets: [] },
    ...{ outcome: 'success', conclusion: 'success', reason: null, exitCode: 0, signal: null },
    ...{ queuedAt: null, startedAt: AT, completedAt: LATER, outputs: {}, annotations: [], summary: null },
    ...more,
  };
}

const running = { outcome: null, conclusion: null, exitCode: null, completedAt: null } as const;

/** A run of one job with one step, which ends as asked. */
export function runEventsOf(conclusion: 'success' | 'failure'): RunEvent[] {
  const step = stepReport({
    name: 'Build',
    outcome: conclusion,
    conclusion,
    exitCode: conclusion === 'success' ? 0 : 3,
  });
  const report: JobReport = {
    ...{ id: 'build', name: 'build', instance: 0, matrix: null, iteration: 1, attempt: 1, conclusion, reason: null },
    ...{ outputs: {}, startedAt: AT, completedAt: LATER, steps: [step] },
  };
  return [
    {
      ...{ type: 'run-started', at: AT, schema: 1, workflow: { name: 'CI', path: 'ci.yml' } },
      jobs: [{ id: 'build', name: 'build', needs: [] }],
    },
    { type: 'job-started', at: AT, job: 'build', id: 'build', name: 'build' },
    { type: 'step', at: AT, job: 'build', state: 'running', step: { ...step, ...running } },
    { type: 'step', at: LATER, job: 'build', state: 'completed', step },
    { type: 'job-completed', at: LATER, job: 'build', report },
    { type: 'run-completed', at: LATER, conclusion },
  ];
}

export function sse(events: readonly RunEvent[], firstId = 1): string {
  return events.map((event, index) => `id: ${firstId + index}\ndata: ${JSON.stringify(event)}\n\n`).join('');
}
