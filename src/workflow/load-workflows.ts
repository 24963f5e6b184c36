import type { Diagnostic, Position } from '../protocol/diagnostic.ts';
import type { CallJobPlan, WorkflowPlan } from '../protocol/plan.ts';
import { allJobs, changeJobs } from './all-jobs.ts';
import { checkCall } from './check-call.ts';
import { checkNesting } from './check-nesting.ts';
import { parseWorkflow } from './parse-workflow.ts';

/** A file that was read, for showing the lines that diagnostics point at. */
export interface SourceFile {
  /** As diagnostics name it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A workflow that is called, by what `uses` says of it. `remote` is null for `./…`, in the run's own repository. */
export interface CalledWorkflow {
  readonly uses: string;
  readonly remote: { readonly repository: string; readonly ref: string } | null;
  /** In its repository. */
  readonly path: string;
}

/** The bytes of a called workflow, or a sentence that says why there are none. */
export type ReadCalledWorkflow = (
  called: CalledWorkflow,
) => Promise<{ readonly kind: 'read'; readonly bytes: Uint8Array } | { readonly kind: 'problem'; message: string }>;

export interface LoadedWorkflows {
  /** The first is the one that was asked for; empty when any file has an error. */
  readonly workflows: readonly WorkflowPlan[];
  /** `uses` of a job to its index in `workflows`. */
  readonly calls: Readonly<Record<string, number>>;
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: readonly SourceFile[];
}

/** Different workflows that one run may call; GitHub allows 50. */
const MAX_CALLED_WORKFLOWS = 50;

/** Reads and checks a workflow and all that it calls, before anything starts. */
export async function loadWorkflows(main: SourceFile, read: ReadCalledWorkflow): Promise<LoadedWorkflows> {
  const diagnostics: Diagnostic[] = [];
  const sources: SourceFile[] = [];
  const workflows: WorkflowPlan[] = [];
  const calls = new Map<string, number | null>();

  const parse = (source: SourceFile, remote: CalledWorkflow['remote']): WorkflowPlan | null => {
    const { plan, diagnostics: found } = parseWorkflow(source.bytes, source.name);
    diagnostics.push(...found);
    sources.push(source);
    return plan === null ? null : withHome(plan, remote);
  };
  const load = async (call: CallJobPlan): Promise<number | null> => {
    const called = locate(call.uses);
    const found = typeof called === 'string' ? { kind: 'problem' as const, message: called } : await read(called);
    if (typeof called === 'string' || found.kind === 'problem') {
      const message = found.kind === 'problem' ? found.message : '';
      diagnostics.push(error(call.position, message, 'called-workflow-missing'));
      return null;
    }
    const name = called.remote === null ? called.path : called.uses;
    const plan = parse({ name, bytes: found.bytes }, called.remote);
    if (plan === null) return null;
    workflows.push(plan);
    return workflows.length - 1;
  };

  const first = parse(main, null);
  if (first) workflows.push(first);
  // A workflow that is found on the way is looked through in its turn.
  for (const workflow of workflows)
    for (const job of allJobs(workflow)) {
      if (job.kind !== 'call') continue;
      if (!calls.has(job.uses)) {
        if (calls.size >= MAX_CALLED_WORKFLOWS) {
          const message = `a run may call at most ${MAX_CALLED_WORKFLOWS} different workflows`;
          diagnostics.push(error(job.position, message, 'too-many-called-workflows'));
          break;
        }
        calls.set(job.uses, await load(job));
      }
      const called = workflows[calls.get(job.uses) ?? -1];
      if (called) diagnostics.push(...checkCall(job, called));
    }

  const found = Object.fromEntries([...calls].flatMap(([uses, index]) => (index === null ? [] : [[uses, index]])));
  diagnostics.push(...checkNesting(workflows, found));
  const broken = diagnostics.some(({ severity }) => severity === 'error');
  return {
    workflows: broken ? [] : workflows,
    calls: found,
    diagnostics,
    sources,
  };
}

/** A sentence where `uses` names no workflow. */
function locate(uses: string): CalledWorkflow | string {
  if (uses.startsWith('./')) return { uses, remote: null, path: uses.slice('./'.length) };
  const groups = REMOTE.exec(uses)?.groups;
  if (!groups) return `'${uses}' names no workflow: expected ${EXPECTED}`;
  const { repository = '', path = '', ref = '' } = groups;
  return { uses, remote: { repository, ref }, path };
}

const REMOTE = /^(?<repository>[^/@]+\/[^/@]+)\/(?<path>\.github\/workflows\/[^/@]+)@(?<ref>.+)$/;
const EXPECTED = "'./.github/workflows/FILE' or 'OWNER/NAME/.github/workflows/FILE@REF'";

/** In a workflow of another repository `./` means that repository, at the same ref. */
function withHome(plan: WorkflowPlan, remote: CalledWorkflow['remote']): WorkflowPlan {
  if (remote === null) return plan;
  const { repository, ref } = remote;
  return changeJobs(plan, (job) => {
    if (job.kind !== 'call' || !job.uses.startsWith('./')) return job;
    return { ...job, uses: `${repository}/${job.uses.slice('./'.length)}@${ref}` };
  });
}

function error(position: Position, message: string, rule: string): Diagnostic {
  return { severity: 'error', message, ...position, length: 1, rule };
}
