import { delimiter } from 'node:path';
import { TRACKING_VARIABLE } from '../process/running-process.ts';
import type { Json } from '../protocol/job-message.ts';
import { isObject } from '../expressions/json.ts';
import type { StepScope } from './step-scope.ts';

export interface StepEnvironmentOptions {
  readonly jobId: string;
  readonly baseEnvironment: Readonly<Record<string, string>>;
  readonly workspace: string;
  readonly tempDirectory: string;
}

/** The environment of a step's process, in GitHub's order of precedence (runner-behaviour 2.8). One per job. */
export class StepEnvironment {
  readonly #options: StepEnvironmentOptions;
  readonly #base: Readonly<Record<string, string>>;
  #ofContexts: {
    github: Json | undefined;
    runner: Json | undefined;
    variables: Readonly<Record<string, string>>;
  } | null = null;

  constructor(options: StepEnvironmentOptions) {
    this.#options = options;
    // `CI` may be overridden by whoever sets the runner up, or by the workflow.
    this.#base = { CI: 'true', ...options.baseEnvironment, ...proxiesIn(options.baseEnvironment) };
  }

  /**
   * @param own `STATE_*`, `INPUT_*`: over the step's `env`.
   * @param github Keys of the `github` context that are this step's own: over everything.
   */
  of(
    scope: StepScope,
    own: Readonly<Record<string, string>>,
    github: Readonly<Record<string, string>>,
  ): Record<string, string> {
    const environment: Record<string, string> = { ...this.#base };
    for (const [name, value] of scope.env) environment[name] = value;
    Object.assign(environment, own);
    environment.PATH = this.path(scope);
    Object.assign(environment, this.#variablesOf(scope));
    for (const [name, value] of Object.entries(github)) environment[`GITHUB_${name.toUpperCase()}`] = value;
    environment.GITHUB_ACTIONS = 'true';
    // Whoever overwrites it wants the process left alone, but must not get at processes of another step by its value.
    environment[TRACKING_VARIABLE] = scope.env.has(TRACKING_VARIABLE)
      ? ''
      : `paceline_${this.#options.jobId}.${scope.key}`;
    return environment;
  }

  /** The step's own PATH, or the runner's, behind what was added. */
  path(scope: StepScope): string {
    const base = scope.env.get('PATH') ?? this.#base.PATH ?? '';
    const added = scope.path.join(delimiter);
    if (added === '' || base === added || base.startsWith(added + delimiter)) return base;
    return base === '' ? added : added + delimiter + base;
  }

  /** The same for all steps but those of composite actions, whose `github` context is their own. */
  #variablesOf({ contexts: { github, runner } }: StepScope): Readonly<Record<string, string>> {
    const known = this.#ofContexts;
    if (known !== null && known.github === github && known.runner === runner) return known.variables;
    const variables: Record<string, string> = {};
    for (const [name, value] of entriesOf(github))
      if (EXPORTED_GITHUB.has(name)) addVariable(variables, `GITHUB_${name.toUpperCase()}`, value);
    for (const [name, value] of entriesOf(runner)) addVariable(variables, `RUNNER_${name.toUpperCase()}`, value);
    variables.GITHUB_WORKSPACE = this.#options.workspace;
    variables.RUNNER_TEMP = this.#options.tempDirectory;
    this.#ofContexts = { github, runner, variables };
    return variables;
  }
}

/** Keys of the `github` context that are exported; `token` and `event` are not (runner-behaviour 2.8). */
const EXPORTED_GITHUB: ReadonlySet<string> = new Set([
  ...['action', 'action_path', 'action_ref', 'action_repository', 'actor', 'actor_id', 'api_url', 'artifacts'],
  ...['artifacts_list', 'base_ref', 'env', 'event_name', 'event_path', 'graphql_url', 'head_ref', 'job', 'output'],
  ...['path', 'ref', 'ref_name', 'ref_protected', 'ref_type', 'repository', 'repository_id', 'repository_owner'],
  ...['repository_owner_id', 'retention_days', 'run_attempt', 'run_id', 'run_number', 'server_url', 'sha', 'state'],
  ...['step_summary', 'triggering_actor', 'workflow', 'workflow_ref', 'workflow_sha', 'workspace'],
]);

/** In both spellings for the tools that know one only; lower case counts (runner-behaviour 1.14). */
function proxiesIn(environment: Readonly<Record<string, string>>): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy']) {
    const value = environment[name] ?? environment[name.toUpperCase()];
    if (value !== undefined) Object.assign(variables, { [name]: value, [name.toUpperCase()]: value });
  }
  return variables;
}

function entriesOf(context: Json | undefined): [string, Json][] {
  return context !== undefined && isObject(context) ? Object.entries(context) : [];
}

function addVariable(variables: Record<string, string>, name: string, value: Json): void {
  if (typeof value === 'string') variables[name] = value;
  else if (typeof value === 'number' || typeof value === 'boolean') variables[name] = String(value);
}
