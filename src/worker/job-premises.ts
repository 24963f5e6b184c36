import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import { proxyPasswords, proxySettingsOf } from '../kernel/proxy-choice.ts';
import type { Json, JsonMap, JobMessage } from '../protocol/job-message.ts';
import { Masker } from '../steps/masker.ts';
import type { RecordOptions } from '../steps/step-record.ts';
import { type Budgets, budgetsOf } from '../config/budgets.ts';
import { JobEvents } from './job-events.ts';
import { JobLogs } from './job-logs.ts';
import { JobStop } from './job-stop.ts';
import type { WorkerHost } from './worker-host.ts';

/** What every stage of one job needs, from the first moment to the last. Making it cannot fail. */
export interface JobPremises {
  readonly message: JobMessage;
  readonly host: WorkerHost;
  readonly budgets: Budgets;
  readonly masker: Masker;
  readonly events: JobEvents;
  readonly logs: JobLogs;
  readonly records: RecordOptions;
  readonly stop: JobStop;
  /** Step debug logging is on. */
  readonly debug: boolean;
  readonly log: DiagnosticLog;
}

export function jobPremises(message: JobMessage, host: WorkerHost): JobPremises {
  const { clock, workspace } = host;
  const budgets = budgetsOf(host.config);
  const masker = maskerOf(message);
  // Steps inherit the variables, and one that prints its environment would print the password.
  for (const password of proxyPasswords(proxySettingsOf(host.baseEnvironment))) masker.addSecret(password);
  const mask = (text: string): string => masker.mask(text);
  const log = host.log.child(
    { run: message.runId, job: message.key, attempt: message.attempt, jobId: host.jobId },
    mask,
  );
  const debug = isDebug(message);
  const events = new JobEvents({
    job: message.key,
    clock,
    emit: (event) => host.emit(event),
    logEvents: host.logEvents,
    log,
  });
  const openSink = host.openLog.bind(host);
  return {
    message,
    host,
    budgets,
    masker,
    events,
    logs: new JobLogs({ masker, workspace, debug, events, log, openSink }),
    records: { clock, observer: events, mask },
    stop: new JobStop({
      cancel: host.cancel,
      kill: host.kill,
      clock,
      timeoutMinutes: message.timeoutMinutes,
      cancelTimeoutMs: budgets.cancelTimeoutMs,
    }),
    debug,
    log,
  };
}

/** Names that GitHub takes for switches, as secrets or as variables; their value is not a secret. */
const STEP_DEBUG = 'ACTIONS_STEP_DEBUG';
const SWITCHES: ReadonlySet<string> = new Set([STEP_DEBUG, 'ACTIONS_RUNNER_DEBUG']);

/** Of everything secret that a job is given. */
export function maskerOf({ contexts, masks }: JobMessage): Masker {
  const masker = new Masker();
  const secrets = Object.entries(contexts.secrets);
  const switches = new Set(secrets.filter(([name]) => SWITCHES.has(name.toUpperCase())).map(([, value]) => value));
  const { token } = contexts.github;
  const values = [...secrets.map(([, value]) => value), ...masks, typeof token === 'string' ? token : ''];
  for (const value of values) if (!switches.has(value)) masker.addSecret(value);
  return masker;
}

function isDebug({ contexts: { secrets, vars } }: JobMessage): boolean {
  const named = (values: JsonMap): Json | undefined =>
    Object.entries(values).find(([name]) => name.toUpperCase() === STEP_DEBUG)?.[1];
  const value = named(secrets) ?? named(vars);
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true');
}
