import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { UsageError } from '../../local/usage-error.ts';
import type { RunSummary, SubmitReply, SubmitRequest } from '../../protocol/run-api.ts';
import type { CliHost } from '../cli-host.ts';
import { CommandProblem } from '../command-problem.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { findWorkflowFiles } from '../find-workflow-files.ts';
import { keyValues } from '../key-value.ts';
import { collectWorkflow } from './collect-workflow.ts';
import { type PrintFlags, printJson } from './print.ts';
import { type PlainDiagnostic, printDiagnostics } from './print-diagnostics.ts';
import { repositoryHere, type RepositoryHere } from './repository-here.ts';
import type { ServerFlags } from './server-choice.ts';
import { type ServerClient, withServer } from './server-client.ts';
import { watchCommand } from './watch-command.ts';

export interface SubmitFlags extends ServerFlags, PrintFlags {
  readonly event?: string;
  readonly eventPath?: string;
  readonly input?: readonly string[];
  readonly job?: string;
  /** False: a checkout around the file is not looked at. */
  readonly repository?: string | false;
  readonly cloneUrl?: string;
  readonly ref?: string;
  readonly sha?: string;
  readonly priority?: number;
  readonly exclusive?: readonly string[];
  readonly dedupeKey?: string;
  readonly watch?: boolean;
  readonly quiet?: boolean;
}

/** Gives a server a workflow file, or the workflows of a repository, and watches the runs if that is asked for. */
export async function submitCommand(path: string | undefined, flags: SubmitFlags, host: CliHost): Promise<ExitCode> {
  if (path === undefined && typeof flags.repository !== 'string')
    throw new UsageError('Name a workflow file, or a repository by --repository OWNER/NAME.');
  if (flags.watch === true && flags.json === true) throw new UsageError('--json and --watch cannot be given together.');
  const file = path === undefined ? null : theOneWorkflow(resolve(host.directory, path), path);
  const here = file === null || flags.repository !== undefined ? null : await repositoryHere(host.directory, homedir());
  const collected = file === null ? null : collectWorkflow(file, path ?? '', here?.root ?? host.directory);
  if (collected !== null && collected.workflow === null) {
    printDiagnostics(collected.diagnostics, collected, path, flags, host);
    return EXIT.usage;
  }
  const request: Partial<SubmitRequest> = {
    ...(collected?.workflow && { workflow: collected.workflow }),
    ...origin(flags, here),
    ...wishes(flags, host),
  };
  return withServer(flags, host, async (client) => {
    const reply = await submit(client, request, (diagnostics) =>
      printDiagnostics(diagnostics, collected, path, flags, host),
    );
    if (reply === null) return EXIT.usage;
    printDiagnostics(reply.diagnostics, collected, path, flags, host);
    if (flags.json === true) printJson(reply, host);
    else say(reply.runs, here, flags, host);
    if (flags.watch !== true) return EXIT.success;
    return watchCommand(
      client,
      reply.runs.map(({ id }) => id),
      flags,
      host,
    );
  });
}

/** Null when the server found errors in the workflow; they were printed. */
async function submit(
  client: ServerClient,
  request: Partial<SubmitRequest>,
  print: (diagnostics: readonly PlainDiagnostic[]) => void,
): Promise<SubmitReply | null> {
  try {
    return await client.submit(request);
  } catch (error) {
    const diagnostics = error instanceof CommandProblem ? error.error?.detail?.diagnostics : null;
    if (!Array.isArray(diagnostics) || diagnostics.length === 0) throw error;
    print(diagnostics as PlainDiagnostic[]);
    return null;
  }
}

function theOneWorkflow(path: string, shown: string): string {
  const files = findWorkflowFiles(path);
  const [only] = files;
  if (only !== undefined && files.length === 1) return only;
  if (files.length === 0) throw new UsageError(`There is no workflow in '${shown}' nor in its .github/workflows.`);
  throw new UsageError(`'${shown}' has ${files.length} workflows; name one of them: ${files.join(', ')}.`);
}

/** Where the run's repository is: as the flags say, else what the checkout around the file says. */
function origin(flags: SubmitFlags, here: RepositoryHere | null): Partial<SubmitRequest> {
  const { ref, sha, cloneUrl } = flags;
  const given = { ...(ref && { ref }), ...(sha && { sha }), ...(cloneUrl && { cloneUrl }) };
  if (typeof flags.repository === 'string') return { repository: flags.repository, ...given };
  if (here === null) {
    if (Object.keys(given).length > 0)
      throw new UsageError('--ref, --sha and --clone-url need --repository OWNER/NAME.');
    return {};
  }
  const { repository } = here;
  // Another ref than that of the checkout has another commit.
  const commit = ref === undefined ? { ...(here.ref !== null && { ref: here.ref }), sha: here.sha } : {};
  return { repository, cloneUrl: here.cloneUrl, ...commit, ...given };
}

function wishes(flags: SubmitFlags, host: CliHost): Partial<SubmitRequest> {
  const { event, eventPath, input, job, priority, exclusive, dedupeKey } = flags;
  return {
    ...(event && { event }),
    ...(eventPath !== undefined && { payload: readPayload(resolve(host.directory, eventPath)) }),
    ...(input && { inputs: keyValues('--input', input) }),
    ...(job && { job }),
    ...(priority !== undefined && { priority }),
    ...(exclusive && { exclusive: [...exclusive] }),
    ...(dedupeKey && { dedupeKey }),
  };
}

function readPayload(path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--event-path: ${path} cannot be read as JSON: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError(`--event-path: ${path} does not hold a JSON object.`);
}

function say(runs: readonly RunSummary[], here: RepositoryHere | null, flags: SubmitFlags, host: CliHost): void {
  const { stdout, stderr } = host;
  if (runs.length === 0) stderr.write('No workflow of the repository is triggered by the event.\n');
  for (const { id, name } of runs)
    stdout.write(flags.watch === true ? '' : `Run ${id}: ${name}. \`paceline runs watch ${id}\` shows it.\n`);
  if (here === null) return;
  const { repository, ref, sha, isUnpushed, hasChanges } = here;
  stderr.write(
    `It belongs to ${repository}, ${ref === null ? '' : `${ref.replace(/^refs\/(?:heads|tags)\//, '')} `}at ${sha.slice(0, 10)}: actions/checkout gets that commit.\n`,
  );
  if (isUnpushed)
    stderr.write(`warning: no remote branch has ${sha.slice(0, 10)}; push it, or checkouts will not find it\n`);
  if (hasChanges)
    stderr.write('warning: changes that are not committed are not part of it, but for the workflow itself\n');
}
