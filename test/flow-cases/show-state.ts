import type { FlowState } from '../../src/flow/flow-state.ts';
import type { ShownFlow, ShownStatus } from '../../src/flow/show-flow.ts';
import { Table } from '../../src/flow/table.ts';

/** A run as it stands. */
export function showFlow(state: FlowState): ShownFlow {
  const jobs = new Table(state.jobs);
  const instances = new Table(state.instances);
  return {
    run: state.conclusion ?? 'running',
    jobs: jobs.entries().map(([path, job]) => ({
      path,
      status: statusOf(
        job.phase === 'settled' ? (job.result ?? 'success') : job.phase === 'open' ? 'running' : 'pending',
      ),
      reason: null,
      iteration: 1,
      instances: job.instances.map((key) => {
        const { status } = instances.get(key);
        const shown = status.kind === 'settled' ? status.conclusion : status.kind === 'waiting' ? 'pending' : 'running';
        return { key, status: statusOf(shown) };
      }),
    })),
    signals: [],
  };
}

function statusOf(status: string): ShownStatus {
  return status as ShownStatus;
}
