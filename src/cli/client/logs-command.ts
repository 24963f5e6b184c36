import { systemClock } from '../../kernel/clock.ts';
import { AbortScope } from '../../kernel/cancellation.ts';
import { UsageError } from '../../local/usage-error.ts';
import type { JobView, LogHit, LogSearchEnd, RunView } from '../../protocol/run-api.ts';
import type { CliHost } from '../cli-host.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { onStopRequests } from '../stop-requests.ts';
import { followLog } from './follow-log.ts';
import { followRunLogs } from './follow-run-logs.ts';
import type { PrintFlags } from './print.ts';
import type { ServerClient } from './server-client.ts';
import type { OpenAnswer } from './transport.ts';

export interface LogsFlags extends PrintFlags {
  readonly follow?: boolean;
  readonly job?: string;
  readonly step?: string;
  readonly search?: string;
  readonly pattern?: boolean;
}

/**
 * Prints logs as they are: of a step its bytes, of more than one step each line with its job and step. Ctrl-C ends the
 * printing and nothing else.
 */
export async function logsCommand(
  client: ServerClient,
  run: number,
  flags: LogsFlags,
  host: CliHost,
): Promise<ExitCode> {
  if (flags.pattern === true && flags.search === undefined) throw new UsageError('--pattern is for --search.');
  if (flags.json === true && flags.search === undefined) throw new UsageError('--json is for --search.');
  if (flags.follow === true && flags.search !== undefined)
    throw new UsageError('--search looks at what there is; it cannot be given with --follow.');
  if (flags.step !== undefined && flags.job === undefined) {
    const { jobs } = await client.run(run);
    if (jobs.length !== 1) throw new UsageError(`--step needs --job: the run has ${jobs.length} jobs.`);
  }
  const scope = new AbortScope();
  const stopListening = onStopRequests(host.environment, (count) =>
    count === 1 ? scope.cancel('user') : host.exitNow(EXIT.cancelled),
  );
  try {
    await printLogs(client, run, flags, host, scope.signal);
    return EXIT.success;
  } catch (error) {
    if (!scope.signal.aborted) throw error;
    return EXIT.cancelled;
  } finally {
    stopListening();
    scope.dispose();
  }
}

async function printLogs(
  client: ServerClient,
  run: number,
  flags: LogsFlags,
  host: CliHost,
  signal: AbortSignal,
): Promise<void> {
  const needsView = flags.job !== undefined || flags.step !== undefined;
  const view = needsView ? await client.run(run) : null;
  const job = view === null ? null : jobOf(view, flags.job);
  const step = job === null || flags.step === undefined ? null : stepOf(job, flags.step);
  if (flags.search !== undefined) {
    const search = { q: flags.search, pattern: flags.pattern ?? null, job: job?.key ?? null, step };
    await printHits(await client.searchLogs(run, search, signal), flags, host);
  } else if (job !== null && step !== null) {
    const place = { run, job: job.key, step };
    const onBytes = (bytes: Buffer): void => host.stdout.write(bytes);
    if (flags.follow === true) await followLog({ client, place, fromLine: 1, clock: systemClock, signal, onBytes });
    else await copy(await client.readLog(place, signal), host);
  } else if (flags.follow === true) await followRunLogs(client, run, job?.key ?? null, host, signal);
  else await copy(await client.openLogs(run, job?.key ?? null, signal), host);
}

async function copy({ body }: OpenAnswer, { stdout }: CliHost): Promise<void> {
  for await (const bytes of body) stdout.write(bytes);
}

/** `JOB/STEP:LINE: TEXT`, or for programs one JSON object a line. */
async function printHits({ body }: OpenAnswer, flags: LogsFlags, { stdout, stderr }: CliHost): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const hit = JSON.parse(line) as LogHit | LogSearchEnd;
      if (flags.json === true) stdout.write(`${line}\n`);
      else if ('end' in hit) {
        if (hit.end !== 'complete')
          stderr.write(
            `The search ended early: ${hit.end === 'time' ? 'it took too long' : 'there are more lines'}.\n`,
          );
      } else stdout.write(`${hit.job}/${hit.step}:${hit.line}: ${hit.text}\n`);
    }
  }
}

/** By key, by id of a job without instances, or by name; the only one when none is named. */
function jobOf({ jobs }: RunView, named: string | undefined): JobView {
  const [only] = jobs;
  if (named === undefined && only !== undefined) return only;
  const found = jobs.find(({ key }) => key === named) ?? jobs.find(({ name }) => name === named);
  if (found) return found;
  throw new UsageError(
    `The run has no job '${named ?? ''}'; it has ${jobs.map(({ key }) => key).join(', ') || 'none'}.`,
  );
}

function stepOf({ key, steps }: JobView, named: string): number {
  const found = steps.find(({ step }) => String(step.number) === named || step.id === named || step.name === named);
  if (found) return found.step.number;
  const names = steps.map(({ step }) => `${step.number} ${step.name}`).join(', ');
  throw new UsageError(`The job ${key} has no step '${named}'${names === '' ? ' yet' : `; it has ${names}`}.`);
}
