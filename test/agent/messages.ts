import type { UnsealedMessage } from '../../src/protocol/agent-api.ts';
import type { AttemptRecord } from '../../src/protocol/attempt-record.ts';
import type { StepState } from '../../src/protocol/events.ts';
import type { StepReport } from '../../src/protocol/report.ts';

const AT = '2026-01-01T00:00:00.000Z';

/** A message of which the core passes everything on and looks into nothing. */
export function unsealedMessage(): UnsealedMessage {
  const contexts = { github: {}, vars: {}, inputs: {}, needs: {}, strategy: {}, matrix: null };
  const checkout = {
    repository: 'octo/app',
    url: 'https://example.invalid/app',
    ref: 'refs/heads/main',
    sha: 'a'.repeat(40),
  };
  return { runId: '7', key: 'build', contexts, checkout } as unknown as UnsealedMessage;
}

export function stepRecord(number: number, state: StepState, change: Partial<StepReport> = {}): AttemptRecord {
  const step: StepReport = {
    number,
    id: null,
    name: `step ${number}`,
    kind: 'run',
    phase: 'main',
    background: false,
    group: null,
    targets: [],
    outcome: state === 'completed' ? 'success' : null,
    conclusion: state === 'completed' ? 'success' : null,
    reason: null,
    exitCode: state === 'completed' ? 0 : null,
    signal: null,
    queuedAt: null,
    startedAt: AT,
    completedAt: state === 'completed' ? AT : null,
    outputs: {},
    annotations: [],
    summary: null,
    ...change,
  };
  return { kind: 'step', at: AT, state, step };
}

export function finishRecord(conclusion: 'success' | 'failure' | 'cancelled' = 'success'): AttemptRecord {
  const times = { at: AT, startedAt: AT, completedAt: AT };
  return { kind: 'job-finished', ...times, conclusion, reason: null, lost: null, outputs: {} };
}
