import { systemClock } from '../../kernel/clock.ts';
import { plainLine } from '../../local/plain-line.ts';
import type { CliHost } from '../cli-host.ts';
import { runEvents } from './run-events.ts';
import type { ServerClient } from './server-client.ts';
import { WatchedLogs } from './watched-logs.ts';

/** The logs of all steps as they grow, each line with its job and step, until the run has ended. */
export async function followRunLogs(
  client: ServerClient,
  run: number,
  job: string | null,
  { stdout, stderr }: CliHost,
  signal: AbortSignal,
): Promise<void> {
  const { attempt } = await client.run(run);
  const names = new Map<string, string>();
  const logs = new WatchedLogs({
    client,
    run,
    clock: systemClock,
    signal,
    whole: true,
    onLines: (key, step, lines) => {
      const prefix = `${key}\t${step} ${names.get(`${key}/${step}`) ?? ''}\t`;
      const text = lines.toString('utf8', 0, lines.length - 1);
      stdout.write(`${prefix}${text.replaceAll('\n', `\n${prefix}`)}\n`);
    },
    onProblem: (sentence) => stderr.write(`${sentence}\n`),
  });
  const onConnection = (lost: string | null): void => {
    if (lost !== null) stderr.write(`The connection was lost (${lost}); trying again.\n`);
  };
  let starts = 0;
  try {
    for await (const page of runEvents({ client, run, clock: systemClock, signal, onConnection }))
      for (const event of page) {
        if (event.type === 'run-started') starts += 1;
        if (starts < attempt || event.type !== 'step' || (job !== null && event.job !== job)) continue;
        names.set(`${event.job}/${event.step.number}`, plainLine(event.step.name));
        if (event.state === 'running') logs.follow(event.job, event.step.number);
      }
    await logs.allEnded();
  } finally {
    logs.close();
  }
}
