import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { UsageError } from '../../local/usage-error.ts';
import { type PrintFlags, printJson } from '../client/print.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { withServer } from '../client/server-client.ts';
import type { CommandContext } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';

type Flags = ServerFlags & PrintFlags;

/** What is asked of a run while it goes on. `ofRun` makes a command whose first argument is the run. */
export function defineRunRequests(
  ofRun: (name: string, description: string) => Command,
  { host, end }: Pick<CommandContext, 'host' | 'end'>,
): void {
  /** Asks, and says in a sentence what was done. */
  const ask = async (
    run: number,
    flags: Flags,
    { path, body = {}, done }: { readonly path: string; readonly body?: unknown; readonly done: string },
  ): Promise<void> => {
    const summary = await withServer(flags, host, (client) => client.askRun(run, path, body));
    if (flags.json === true) printJson(summary, host);
    else host.stdout.write(`${done}\n`);
    end(EXIT.success);
  };
  const asking = (name: string, description: string): Command =>
    ofRun(name, description).option('--json', 'print the run as JSON');

  asking('signal', 'send a signal to a run, such as an approval')
    .argument('<name>', 'name of the signal', notEmpty)
    .option('--data <json>', 'what comes with it: JSON, or text as it is')
    .option('--job <key>', 'only for this job', notEmpty)
    .option('--transient', 'refused unless a job waits for it now')
    .action(async (run: number, name: string, flags: Flags & { data?: string; job?: string; transient?: boolean }) => {
      const { data, job, transient = false } = flags;
      const body = {
        name,
        persistent: !transient,
        ...(job !== undefined && { job }),
        ...(data !== undefined && { data }),
      };
      const whom = job === undefined ? `Run ${run}` : `Job ${job} of run ${run}`;
      await ask(run, flags, { path: 'signals', body, done: `${whom} has the signal '${name}'.` });
    });
  asking('cancel', 'cancel a run, or a part of it: post and always() steps still run')
    .option('--force', 'end the steps of the run at once')
    .option('--job <key>', 'only this job', notEmpty)
    .option('--region <name>', 'only the jobs of this region', notEmpty)
    .action(async (run: number, flags: Flags & { force?: boolean; job?: string; region?: string }) => {
      const { job, region, force = false } = flags;
      if ([job !== undefined, region !== undefined, force].filter(Boolean).length > 1)
        throw new UsageError('--job, --region and --force exclude each other.');
      if (job !== undefined) {
        const path = `jobs/${encodeURIComponent(job)}/cancel`;
        await ask(run, flags, { path, done: `Job ${job} of run ${run} is being cancelled.` });
      } else if (region !== undefined) {
        const path = `regions/${encodeURIComponent(region)}/cancel`;
        await ask(run, flags, { path, done: `The region ${region} of run ${run} is being cancelled.` });
      } else await ask(run, flags, { path: 'cancel', body: { force }, done: `Run ${run} is being cancelled.` });
    });
  asking('complete', 'declare a job complete: the rest of it is withdrawn, the run goes on')
    .argument('<job>', 'key of the job')
    .action(async (run: number, job: string, flags: Flags) => {
      const path = `jobs/${encodeURIComponent(job)}/complete`;
      await ask(run, flags, { path, done: `Job ${job} of run ${run} is complete.` });
    });
  asking('add', 'add instances to a job with strategy.dynamic')
    .argument('<job>', 'key of the job')
    .option('--item <json>', 'values of one more instance, as a JSON object', items)
    .action(async (run: number, job: string, flags: Flags & { item?: readonly object[] }) => {
      const { item = [{}] } = flags;
      const count = item.length === 1 ? 'one more instance' : `${item.length} more instances`;
      const path = `jobs/${encodeURIComponent(job)}/instances`;
      await ask(run, flags, { path, body: { items: item }, done: `Job ${job} of run ${run} has ${count}.` });
    });
  asking('pause', 'start nothing more of a run; what runs goes on').action(async (run: number, flags: Flags) => {
    await ask(run, flags, { path: 'pause', done: `Run ${run} is paused.` });
  });
  asking('resume', 'let a run that is paused go on').action(async (run: number, flags: Flags) => {
    await ask(run, flags, { path: 'resume', done: `Run ${run} goes on.` });
  });
}

/** Such as a variable of a script that is not set: without the name it would mean all of the run. */
function notEmpty(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('Expected a name that is not empty.');
}

function items(text: string, before: readonly object[] = []): readonly object[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Said below: what is no JSON is no object.
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError('Expected a JSON object, such as \'{"host": "a"}\'.');
  return [...before, value];
}
