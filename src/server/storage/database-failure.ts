/**
 * What an error of a database means for the operation that met it.
 * - `illegal-transition`: refused by the table of legal transitions.
 * - `conflict`: another one was in the way; the same operation succeeds when it is run again.
 * - `unreachable`: the database, not the operation; nothing was done as far as one can know.
 * - `operation`: the operation asked for something that cannot be: a bug, or a value the database does not take.
 */
export type DatabaseFailure =
  | { readonly kind: 'illegal-transition'; readonly from: string; readonly to: string }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'operation' };

/** Serialisation failure, dead lock, lock not available; SQLite's words for the latter. */
const CONFLICTS = ['40001', '40P01', '55P03', 'SQLITE_BUSY', 'SQLITE_LOCKED'];

/**
 * Classes of PostgreSQL: connection, who asks, no such database, resources, operator intervention (without `57014`, a
 * cancelled statement), system, corruption; and a server that only reads, as one does after a fail-over.
 */
const UNREACHABLE_CLASSES = ['08', '28', '3D', '53', '57', '58', 'XX'];
const READ_ONLY = '25006';

const UNREACHABLE_SQLITE = [
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
  'SQLITE_CANTOPEN',
  'SQLITE_READONLY',
  'SQLITE_NOMEM',
  'SQLITE_PROTOCOL',
];

/** Of the operating system, and what `pg` says without a code when a connection ends or no answer comes. */
const UNREACHABLE_SYSTEM = /^E(?!RR_)[A-Z_]+$/;
const UNREACHABLE_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded|Query read timeout|Cannot use a pool after|driver has already been destroyed|The client is closed)/i;

export function classifyFailure(error: unknown): DatabaseFailure {
  if (!(error instanceof Error)) return { kind: 'operation' };
  const transition = /illegal-transition:([\w-]+):([\w-]+)/.exec(error.message);
  if (transition) return { kind: 'illegal-transition', from: transition[1] ?? '', to: transition[2] ?? '' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (CONFLICTS.some((conflict) => code === conflict || code.startsWith(`${conflict}_`))) return { kind: 'conflict' };
  const unreachable =
    UNREACHABLE_SQLITE.some((name) => code === name || code.startsWith(`${name}_`)) ||
    code === READ_ONLY ||
    (/^[0-9A-Z]{5}$/.test(code) && UNREACHABLE_CLASSES.includes(code.slice(0, 2)) && code !== '57014') ||
    UNREACHABLE_SYSTEM.test(code) ||
    UNREACHABLE_MESSAGES.test(error.message) ||
    error instanceof AggregateError;
  return unreachable ? { kind: 'unreachable', message: messageOf(error) } : { kind: 'operation' };
}

/** Of several attempts to connect, one for each address, the first. */
function messageOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : null;
  return first instanceof Error && error.message === '' ? first.message : error.message;
}
