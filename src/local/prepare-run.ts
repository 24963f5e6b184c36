import { type ActionStore, createActionStore } from '../actions/action-store.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Diagnostic } from '../protocol/diagnostic.ts';
import type { WorkflowPlan } from '../protocol/plan.ts';
import { loadRunnerConfig } from '../config/load-runner-config.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import { type GitState, readGitState } from './git-state.ts';
import type { SourceFile } from '../workflow/load-workflows.ts';
import { loadWorkflowFiles } from './load-workflow-files.ts';
import { type RunContext, runContext } from './run-context.ts';
import type { RunOptions } from './run-options.ts';
import { tokenOf } from '../worker/token-of.ts';
import { UsageError } from './usage-error.ts';

/** What a run needs before its first job. */
export interface PreparedRun {
  readonly kind: 'ready';
  /** The first is the one that runs. */
  readonly workflows: readonly [WorkflowPlan, ...WorkflowPlan[]];
  readonly calls: Readonly<Record<string, number>>;
  readonly context: RunContext;
  readonly config: RunnerConfig;
  readonly actions: ActionStore;
  readonly git: GitState | null;
  /** Warnings only. */
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: readonly SourceFile[];
}

export interface RefusedRun {
  readonly kind: 'refused';
  /** A file is wrong; or a called workflow could not be fetched. */
  readonly end: 'invalid' | 'unreachable';
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: readonly SourceFile[];
}

/** Reads and checks everything there is to check. Starts nothing. Throws a `UsageError`. */
export async function prepareRun(
  options: RunOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<PreparedRun | RefusedRun> {
  const { environment, workspace } = options;
  const loadedConfig = await loadRunnerConfig({
    file: options.config,
    environment: options.configEnvironment,
    directory: options.directory,
  });
  if (loadedConfig.kind === 'problem')
    return { kind: 'refused', end: 'invalid', diagnostics: loadedConfig.diagnostics, sources: [] };
  const { config } = loadedConfig;
  const git = readGitState(workspace, options.home);
  const offline = options.offline || config.actions.offline;
  const actions = createActionStore({
    roots: [...options.actionRoots, ...config.actions.roots],
    cacheDirectory: config.actions.cacheDirectory ?? `${options.cacheDirectory}/actions`,
    offline,
    baseUrl: config.actions.baseUrl,
    token: tokenOf(options.secrets),
    environment,
    caFile: config.agent.caFile,
    clock,
  });

  const notFetched: string[] = [];
  const root = git?.root ?? workspace;
  const loaded = await loadWorkflowFiles({ path: options.file, shown: options.shownFile }, root, async (uses) => {
    const found = await actions.repository(uses, signal);
    if (found.kind === 'problem' && !offline) notFetched.push(uses);
    return found;
  }).catch((error: unknown) => {
    if (error instanceof Error && 'syscall' in error)
      throw new UsageError(`The workflow '${options.shownFile}' cannot be read: ${error.message}.`, { cause: error });
    throw error;
  });
  const { workflows, calls, diagnostics, sources } = loaded;
  const [first, ...others] = workflows;
  if (first === undefined)
    return { kind: 'refused', end: notFetched.length > 0 ? 'unreachable' : 'invalid', diagnostics, sources };
  const context = await runContext(first, options, git, clock);
  return { kind: 'ready', workflows: [first, ...others], calls, context, config, actions, git, diagnostics, sources };
}
