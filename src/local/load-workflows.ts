import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Diagnostic, Position } from '../protocol/diagnostic.ts';
import type { CallJobPlan, JobPlan, WorkflowPlan } from '../protocol/plan.ts';
import { parseWorkflow } from '../workflow/parse-workflow.ts';
import { checkCall } from './check-call.ts';
import { checkNesting } from './check-nesting.ts';

/** A file that was read, for showing the lines that diagnostics point at. */
export interface SourceFile {
  /** As diagnostics name it. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Where `owner/name/.github/workflows/file.yml@ref` is found on this machine, fetched if need be. */
export type FindRepository = (
  uses: string,
) => Promise<{ readonly kind: 'found'; readonly directory: string } | { readonly kind: 'problem'; message: string }>;

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

/**
 * Reads and checks a workflow and all that it calls, before anything starts. `root` is where `./.github/workflows/…` is
 * looked up. Rejects with the system's error when the first file cannot be read.
 */
export async function loadWorkflows(
  file: { readonly path: string; readonly shown: string },
  root: string,
  findRepository: FindRepository,
): Promise<LoadedWorkflows> {
  const diagnostics: Diagnostic[] = [];
  const sources: SourceFile[] = [];
  const workflows: WorkflowPlan[] = [];
  const calls = new Map<string, number | null>();

  const parse = (bytes: Buffer, shown: string, home: string | null): WorkflowPlan | null => {
    const { plan, diagnostics: found } = parseWorkflow(bytes, shown);
    diagnostics.push(...found);
    sources.push({ name: shown, bytes });
    return plan === null ? null : withHome(plan, home);
  };
  const load = async (call: CallJobPlan): Promise<number | null> => {
    const located = await locate(call.uses, root, findRepository);
    const bytes = located.kind === 'problem' ? null : await readFile(located.path).catch(() => null);
    if (located.kind === 'problem' || bytes === null) {
      const message = located.kind === 'problem' ? located.message : missing(call.uses, located.path);
      diagnostics.push(error(call.position, message, 'called-workflow-missing'));
      return null;
    }
    const plan = parse(bytes, located.shown, located.home);
    if (plan === null) return null;
    workflows.push(plan);
    return workflows.length - 1;
  };

  const first = parse(await readFile(file.path), file.shown, null);
  if (first) workflows.push(first);
  // A workflow that is found on the way is looked through in its turn.
  for (const workflow of workflows)
    for (const job of workflow.jobs) {
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

type Located =
  | {
      readonly kind: 'file';
      readonly path: string;
      /** As diagnostics name it. */
      readonly shown: string;
      /** Where its own `./` leads: `owner/name` and `@ref`; null for the folder the run is in. */
      readonly home: string | null;
    }
  | { readonly kind: 'problem'; readonly message: string };

async function locate(uses: string, root: string, findRepository: FindRepository): Promise<Located> {
  if (uses.startsWith('./')) {
    const shown = uses.slice('./'.length);
    return { kind: 'file', path: join(root, shown), shown, home: null };
  }
  const remote = REMOTE.exec(uses)?.groups;
  if (!remote) return { kind: 'problem', message: `'${uses}' names no workflow: expected ${EXPECTED}` };
  const { repository = '', path = '', ref = '' } = remote;
  const found = await findRepository(uses);
  if (found.kind === 'problem') return found;
  return { kind: 'file', path: join(found.directory, path), shown: uses, home: `${repository}|${ref}` };
}

const REMOTE = /^(?<repository>[^/@]+\/[^/@]+)\/(?<path>\.github\/workflows\/[^/@]+)@(?<ref>.+)$/;
const EXPECTED = "'./.github/workflows/FILE' or 'OWNER/NAME/.github/workflows/FILE@REF'";

/** In a workflow of another repository `./` means that repository, at the same ref. */
function withHome(plan: WorkflowPlan, home: string | null): WorkflowPlan {
  if (home === null) return plan;
  const [repository = '', ref = ''] = home.split('|');
  const jobs = plan.jobs.map((job): JobPlan => {
    if (job.kind !== 'call' || !job.uses.startsWith('./')) return job;
    return { ...job, uses: `${repository}/${job.uses.slice('./'.length)}@${ref}` };
  });
  return { ...plan, jobs };
}

function missing(uses: string, path: string): string {
  return `the called workflow '${uses}' is not there: cannot read ${path}`;
}

function error(position: Position, message: string, rule: string): Diagnostic {
  return { severity: 'error', message, ...position, length: 1, rule };
}
