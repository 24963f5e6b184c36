import { UsageError } from '../../local/usage-error.ts';
import type { AuditEntry } from '../../protocol/run-api.ts';
import { CLIENT_EXITS, printOptions, serverOptions } from '../client/client-options.ts';
import { type PrintFlags, printJson, printTable } from '../client/print.ts';
import type { ServerFlags } from '../client/server-choice.ts';
import { withServer } from '../client/server-client.ts';
import type { Column } from '../client/table.ts';
import type { DefineCommand } from '../command-context.ts';
import { EXIT } from '../exit-codes.ts';
import { count, secondsOf } from '../option-values.ts';

interface AuditFlags extends ServerFlags, PrintFlags {
  readonly limit: number;
  readonly since?: string;
  readonly actor?: string;
  readonly action?: string;
}

export const defineAudit: DefineCommand = (command, { host, end }) => {
  serverOptions(printOptions(command))
    .option('--limit <n>', 'at most so many, the newest', count, 30)
    .option('--since <time>', 'not older: 30m, 12h, 7d, or a date such as 2026-01-31')
    .option('--actor <name>', 'by this token or runner, as the list says it; the number of a token may be left out')
    .option('--action <name>', 'such as run.cancel, or run for all that was done to runs')
    .addHelpText('after', HELP)
    .action(async (flags: AuditFlags) => {
      const { limit, actor, action } = flags;
      const since = flags.since === undefined ? undefined : sinceTime(flags.since, Date.now());
      const filter = { limit, ...(since && { since }), ...(actor && { actor }), ...(action && { action }) };
      const entries = await withServer(flags, host, (client) => client.audit(filter));
      if (flags.json === true) printJson(entries, host);
      else printTable(COLUMNS, entries, 'There is no such entry.', host);
      end(EXIT.success);
    });
};

/** A span back from now, or a date with or without a time of day; without a zone it is UTC, as what is printed. */
function sinceTime(text: string, now: number): string {
  const seconds = secondsOf(text);
  if (seconds !== null) return new Date(now - seconds * 1_000).toISOString();
  const [, date, time = '00:00', zone = 'Z'] = TIME.exec(text) ?? [];
  const at = date === undefined ? NaN : Date.parse(`${date}T${time}${zone}`);
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new UsageError(`--since takes a span such as 30m, 12h or 7d, or a date such as 2026-01-31, not '${text}'.`);
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/;

const COLUMNS: readonly Column<AuditEntry>[] = [
  { title: 'TIME (UTC)', text: ({ at }) => at.slice(0, 19).replace('T', ' ') },
  { title: 'ACTOR', text: ({ actor }) => actor, least: 10 },
  { title: 'ACTION', text: ({ action }) => action },
  { title: 'TARGET', text: ({ target }) => target, least: 12 },
  { title: 'DETAIL', text: ({ detail }) => detailText(detail), least: 12 },
];

/** `event: push, ref: refs/heads/main`. What is neither text nor number is JSON. */
function detailText(detail: AuditEntry['detail']): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

const HELP = `
Examples:
  paceline audit --since 7d
  paceline audit --action secret --json
  paceline audit --actor deploy --limit 100

The token needs the scope audit:read. Secrets and tokens are never part of an entry.
${CLIENT_EXITS}`;
