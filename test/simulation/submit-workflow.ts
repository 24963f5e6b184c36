import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import type { ServerLife } from './simulated-server.ts';
import type { SimulatedWorkflow } from './simulated-workflow.ts';

const PATH = '.github/workflows/simulated.yml';

/** The run's id. The same key again gives the same run. */
export async function submitWorkflow(life: ServerLife, workflow: SimulatedWorkflow, key: string): Promise<number> {
  const { plan, diagnostics } = parseWorkflow(workflow.text, PATH);
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  const submitted = await life.store.execute('submit-run', {
    ...{ actor: 'simulation', repository: null, ref: null, sha: null, event: 'push', payload: {}, job: null },
    ...{ priority: 0, exclusive: workflow.exclusive ? ['*'] : [], dedupeKey: key },
    runs: [{ workflows: [plan], calls: {}, path: PATH, inputs: {}, diagnostics: [] }],
  });
  const [run] = submitted.ok ? submitted.value.runs : [];
  if (!run) throw new Error(submitted.ok ? 'no run' : submitted.error.message);
  return run.id;
}

/** False: it cannot be said whether the server heard it. A run that has ended stays as it is. */
export async function cancelRun(life: ServerLife, run: number): Promise<boolean> {
  const cancelled = await life.store.execute('cancel-run', { run, force: false, actor: 'simulation' });
  if (cancelled.ok || cancelled.error.reason === 'already-final') return true;
  throw new Error(cancelled.error.message);
}
