import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { NodeRuns } from '../workflow/action-manifest.ts';
import type { ActionInstance } from './action-instance.ts';
import { inputVariables } from './action-inputs.ts';
import type { HandlerContext, Stage } from './handler-context.ts';
import type { StepHandlerOptions } from './handler-options.ts';
import { DONE, failed } from './handler-result.ts';
import type { HandlerResult } from './step-handler.ts';
import type { StepScope } from './step-scope.ts';

/** Runs one stage of a JavaScript action. As on GitHub, an exit code other than 0 fails it without words of ours. */
export async function runNodeStage(
  stage: Stage,
  instance: ActionInstance,
  runs: NodeRuns,
  inputs: ReadonlyMap<string, string>,
  scope: StepScope,
  { options, processes }: HandlerContext,
): Promise<HandlerResult> {
  const file = runs[stage];
  if (file === null) return DONE;
  const { directory, uses } = instance.action;
  const script = resolve(directory, file);
  if (!(await isFile(script)))
    return failed(scope.log, 'action-not-loaded', `The ${stage} file '${file}' of the action '${uses}' is not there.`);
  const { path, note } = runtimeFor(runs.version, options);
  if (note !== null) scope.log.line(note);
  const result = await processes.run(scope, {
    command: path,
    args: [script],
    cwd: options.workspace,
    script: null,
    own: { ...instance.stateVariables, ...inputVariables(inputs) },
    github: instance.githubContext,
  });
  instance.saveState(result.state);
  return result;
}

/** Versions up to the one that runs Paceline run on that, as 12 and 16 run on 20 at GitHub. */
function runtimeFor(asked: number, { node, nodeRuntimes }: StepHandlerOptions): { path: string; note: string | null } {
  const named = nodeRuntimes[String(asked)];
  if (named !== undefined) return { path: named, note: null };
  if (asked <= Number.parseInt(node.version, 10)) return { path: node.path, note: null };
  const note = `The action asks for Node ${asked}. There is none here, so it runs on Node ${node.version}; nodeRuntimes in runner.config.json can name one.`;
  return { path: node.path, note };
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
