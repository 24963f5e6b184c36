/**
 * The schema of `runner.config.json`; `schemas/runner.config.schema.json` is made from it. Loaded lazily: most runs have
 * no configuration and must not pay for zod.
 */
import * as z from 'zod';
import { DEFAULT_RUNNER_CONFIG as defaults } from './runner-config.ts';
import { variableOf } from './runner-config-variables.ts';

/** Upper bounds that catch a number with the wrong unit. */
const MAX_STEPS_AT_ONCE = 1_000;
const MAX_SECONDS = 24 * 60 * 60;
const MAX_KEEP_SECONDS = 365 * MAX_SECONDS;
const MAX_DAYS = 36_500;
const MAX_MEGABYTES = 1_000_000;

const MAX_POLL_SECONDS = 120;
const seconds = z.number().positive().max(MAX_SECONDS);
const path = z.string().min(1);

/** A key with what it means and the variable that outranks it. */
function described<T extends z.ZodType>(key: string, meaning: string, type: T): T {
  return type.meta({ description: `${meaning} Environment variable: ${variableOf(key.split('.')).variable}.` });
}

const stopGrace = z.strictObject({
  interruptSeconds: described(
    'stopGrace.interruptSeconds',
    'Seconds from SIGINT to SIGTERM when a step is ended.',
    z.number().nonnegative().max(MAX_SECONDS).default(defaults.stopGrace.interruptSeconds),
  ),
  terminateSeconds: described(
    'stopGrace.terminateSeconds',
    'Seconds from SIGTERM to SIGKILL.',
    z.number().nonnegative().max(MAX_SECONDS).default(defaults.stopGrace.terminateSeconds),
  ),
});

const actions = z.strictObject({
  baseUrl: described(
    'actions.baseUrl',
    'Where actions are fetched from that are nowhere on this machine: https://HOST for archives, or anything git takes (git+https://, ssh://, file://).',
    z
      .string()
      .regex(/^[a-z][a-z0-9+.-]*:\/\//i, 'expected a URL such as https://github.com')
      .default(defaults.actions.baseUrl),
  ),
  cacheDirectory: described(
    'actions.cacheDirectory',
    'Where fetched actions are kept, across jobs. Null: the cache folder of the user.',
    path.nullable().default(defaults.actions.cacheDirectory),
  ),
  roots: described(
    'actions.roots',
    'Folders in which actions are looked up first, as OWNER/NAME or OWNER/NAME@REF.',
    z.array(path).default(defaults.actions.roots),
  ),
  offline: described('actions.offline', 'Fetch nothing.', z.boolean().default(defaults.actions.offline)),
});

const hooks = z.strictObject({
  jobStarted: described(
    'hooks.jobStarted',
    'Script (.sh, .ps1 or .js) that runs before the steps of every job; outranks ACTIONS_RUNNER_HOOK_JOB_STARTED.',
    path.nullable().default(defaults.hooks.jobStarted),
  ),
  jobCompleted: described(
    'hooks.jobCompleted',
    'Script that runs after the steps of every job; outranks ACTIONS_RUNNER_HOOK_JOB_COMPLETED.',
    path.nullable().default(defaults.hooks.jobCompleted),
  ),
});

const log = z.strictObject({
  level: described(
    'log.level',
    'The diagnostic log of Paceline itself, not that of steps.',
    z.enum(['off', 'error', 'warn', 'info', 'debug']).default(defaults.log.level),
  ),
  file: described('log.file', 'Where it goes. Null: standard error.', path.nullable().default(defaults.log.file)),
});

/** Letters, digits, `.`, `_`, `-`; what `runs-on` can name. */
const label = z.string().regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'expected a label such as linux-big');
const url = z.string().regex(/^https?:\/\/[^\s/]+/, 'expected a URL such as https://ci.example.org');
const megabytes = z.number().int().min(1).max(MAX_MEGABYTES);
const MAX_SLOTS = 256;

const agent = z.strictObject({
  server: described(
    'agent.server',
    'Address of the control server. Null: the one that the runner was registered with.',
    url.nullable().default(defaults.agent.server),
  ),
  caFile: described(
    'agent.caFile',
    'Certificates in PEM of authorities that are trusted beside those of Node.js and of the system. Null: none.',
    path.nullable().default(defaults.agent.caFile),
  ),
  clientCertificateFile: described(
    'agent.clientCertificateFile',
    'Certificate in PEM for a server that asks for one. Null: none.',
    path.nullable().default(defaults.agent.clientCertificateFile),
  ),
  clientKeyFile: described(
    'agent.clientKeyFile',
    'The private key of agent.clientCertificateFile, in PEM.',
    path.nullable().default(defaults.agent.clientKeyFile),
  ),
  stateDirectory: described(
    'agent.stateDirectory',
    "Where the runner's identity, its attempts and workspaces are kept. Null: below the state folder of the user.",
    path.nullable().default(defaults.agent.stateDirectory),
  ),
  slots: described(
    'agent.slots',
    'Jobs at once.',
    z.number().int().min(1).max(MAX_SLOTS).default(defaults.agent.slots),
  ),
  labels: described(
    'agent.labels',
    'Labels beyond self-hosted, the operating system and the architecture. In the variable: separated by commas.',
    z.array(label).default(defaults.agent.labels),
  ),
  ephemeral: described(
    'agent.ephemeral',
    'Take one job, then end and be removed from the server.',
    z.boolean().default(defaults.agent.ephemeral),
  ),
  clean: described(
    'agent.clean',
    'Whether the workspace is emptied before each job (job), or left as the last job of the repository left it (never).',
    z.enum(['job', 'never']).default(defaults.agent.clean),
  ),
  allowRepositories: described(
    'agent.allowRepositories',
    'Repositories whose jobs are taken, as OWNER/NAME, with * for any part; jobs of others are refused. Empty: all.',
    z.array(z.string().min(1)).default(defaults.agent.allowRepositories),
  ),
  allowActions: described(
    'agent.allowActions',
    'Actions that steps may use, as OWNER/NAME or OWNER/NAME@REF, with * for any part; those of the workspace always may. Empty: all.',
    z.array(z.string().min(1)).default(defaults.agent.allowActions),
  ),
  minFreeDiskMb: described(
    'agent.minFreeDiskMb',
    'No job is taken while the disk of the state folder has less free than this, in MB.',
    z.number().int().nonnegative().max(MAX_MEGABYTES).default(defaults.agent.minFreeDiskMb),
  ),
  healthScript: described(
    'agent.healthScript',
    'Executable; no job is taken while it ends with another exit code than 0; the last line it prints is the reason. Null: none.',
    path.nullable().default(defaults.agent.healthScript),
  ),
  healthIntervalSeconds: described(
    'agent.healthIntervalSeconds',
    'How often disk and script are looked at.',
    seconds.default(defaults.agent.healthIntervalSeconds),
  ),
  spoolMb: described(
    'agent.spoolMb',
    'Log bytes of one job that are kept on the disk, in MB; what comes beyond is cut, with a mark in the log.',
    megabytes.default(defaults.agent.spoolMb),
  ),
  drainTimeoutSeconds: described(
    'agent.drainTimeoutSeconds',
    'How long an agent that is asked to end (SIGTERM) waits for its jobs until it cancels them.',
    z.number().nonnegative().max(MAX_SECONDS).default(defaults.agent.drainTimeoutSeconds),
  ),
  idleTimeoutSeconds: described(
    'agent.idleTimeoutSeconds',
    'The agent ends when it had no job for this long. Null: never.',
    seconds.nullable().default(defaults.agent.idleTimeoutSeconds),
  ),
  flushTimeoutSeconds: described(
    'agent.flushTimeoutSeconds',
    'How long an agent that ends still sends results and logs.',
    seconds.default(defaults.agent.flushTimeoutSeconds),
  ),
  keepJournalSeconds: described(
    'agent.keepJournalSeconds',
    'How long the record of a job is kept after the server has it all, for a server that is restored from a backup.',
    z.number().nonnegative().max(MAX_KEEP_SECONDS).default(defaults.agent.keepJournalSeconds),
  ),
});

const tls = z.strictObject({
  certificateFile: described(
    'server.tls.certificateFile',
    'Certificate of the server in PEM, with those that it was issued by. Null: it answers in clear.',
    path.nullable().default(defaults.server.tls.certificateFile),
  ),
  keyFile: described(
    'server.tls.keyFile',
    'The private key of server.tls.certificateFile, in PEM.',
    path.nullable().default(defaults.server.tls.keyFile),
  ),
  clientCaFile: described(
    'server.tls.clientCaFile',
    'Certificates in PEM of the authorities that issue those of clients: whoever has none is refused. Null: no client is asked.',
    path.nullable().default(defaults.server.tls.clientCaFile),
  ),
});

const server = z.strictObject({
  listen: described(
    'server.listen',
    'HOST:PORT to listen on; port 0 takes a free one.',
    z
      .string()
      .regex(/^(\[[^\]]+\]|[^:\s]+):\d{1,5}$/, 'expected HOST:PORT')
      .default(defaults.server.listen),
  ),
  publicUrl: described(
    'server.publicUrl',
    'Address under which agents and people reach the server. Null: http:// and the address it listens on.',
    url.nullable().default(defaults.server.publicUrl),
  ),
  tls: tls.prefault({}).meta({ description: 'For a server that answers by TLS itself.' }),
  database: described(
    'server.database',
    'postgres://… for PostgreSQL; a password belongs in server.databasePasswordFile, PGPASSWORD or PGPASSFILE. Null: SQLite in the data folder.',
    z.string().min(1).nullable().default(defaults.server.database),
  ),
  databasePasswordFile: described(
    'server.databasePasswordFile',
    'File with the password of the account in server.database, such as a secret that is mounted in a container. Null: none.',
    path.nullable().default(defaults.server.databasePasswordFile),
  ),
  dataDirectory: described(
    'server.dataDirectory',
    'Where database, logs and keys are kept; shared by servers that share a database. Null: below the data folder of the user.',
    path.nullable().default(defaults.server.dataDirectory),
  ),
  keyFile: described(
    'server.keyFile',
    'File with the key that secrets are encrypted with: 32 bytes in base64. Null: one is made in the data folder.',
    path.nullable().default(defaults.server.keyFile),
  ),
  keyCommand: described(
    'server.keyCommand',
    'Command that prints that key; outranks the file. Null: none.',
    z.string().min(1).nullable().default(defaults.server.keyCommand),
  ),
  leaseSeconds: described(
    'server.leaseSeconds',
    'How long a running job is held for an agent that is not heard of, until it shows as disconnected. Agents renew at a quarter of it.',
    seconds.default(defaults.server.leaseSeconds),
  ),
  offerSeconds: described(
    'server.offerSeconds',
    'How long an agent may take to accept a job.',
    seconds.default(defaults.server.offerSeconds),
  ),
  lostAfterSeconds: described(
    'server.lostAfterSeconds',
    'How long a disconnected job is waited for until it is lost.',
    seconds.default(defaults.server.lostAfterSeconds),
  ),
  pollSeconds: described(
    'server.pollSeconds',
    'How long a request for work is held. Agents do not wait for longer than 150 seconds, and it varies by a tenth.',
    z.number().positive().max(MAX_POLL_SECONDS).default(defaults.server.pollSeconds),
  ),
  maxAttempts: described(
    'server.maxAttempts',
    'Attempts at a job that could not be started because of its agent.',
    z.number().int().min(1).max(100).default(defaults.server.maxAttempts),
  ),
  maxWorkflowMb: described(
    'server.maxWorkflowMb',
    'Largest workflow file that is taken, in MB.',
    megabytes.default(defaults.server.maxWorkflowMb),
  ),
  maxJobs: described(
    'server.maxJobs',
    'Most jobs of one run.',
    z.number().int().min(1).max(10_000).default(defaults.server.maxJobs),
  ),
  maxStepLogMb: described(
    'server.maxStepLogMb',
    'Largest log of a step, in MB; what comes beyond is cut, with a mark.',
    megabytes.default(defaults.server.maxStepLogMb),
  ),
  maxJobLogMb: described(
    'server.maxJobLogMb',
    'Largest sum of the logs of a job, in MB.',
    megabytes.default(defaults.server.maxJobLogMb),
  ),
  retentionDays: described(
    'server.retentionDays',
    'Runs that ended longer ago are removed.',
    z.number().positive().max(MAX_DAYS).default(defaults.server.retentionDays),
  ),
  retentionGb: described(
    'server.retentionGb',
    'Logs of the oldest runs are removed when all take more than this, in GB.',
    z.number().positive().max(MAX_MEGABYTES).default(defaults.server.retentionGb),
  ),
  untrustedRuns: described(
    'server.untrustedRuns',
    'Runs of pull requests from forks. `isolate`: they go to groups of runners with the tier `untrusted` alone. `anywhere`: to all.',
    z.enum(['isolate', 'anywhere']).default(defaults.server.untrustedRuns),
  ),
  removeRunnersAfterDays: described(
    'server.removeRunnersAfterDays',
    'Runners that were not seen for so long are removed. 0: never.',
    z.number().nonnegative().max(MAX_DAYS).default(defaults.server.removeRunnersAfterDays),
  ),
  removeEphemeralRunnersAfterDays: described(
    'server.removeEphemeralRunnersAfterDays',
    'The same for ephemeral runners.',
    z.number().nonnegative().max(MAX_DAYS).default(defaults.server.removeEphemeralRunnersAfterDays),
  ),
  traceEndpoint: described(
    'server.traceEndpoint',
    'OpenTelemetry collector (OTLP over HTTP), such as http://localhost:4318. Null: no traces.',
    url.nullable().default(defaults.server.traceEndpoint),
  ),
});

export const runnerConfigSchema = z
  .strictObject({
    $schema: z.string().meta({ description: 'For editors; not read.' }).optional(),
    maxBackground: described(
      'maxBackground',
      'Background steps of a job that run at once; the others queue.',
      z.number().int().min(1).max(MAX_STEPS_AT_ONCE).default(defaults.maxBackground),
    ),
    stopGrace: stopGrace.prefault({}).meta({
      description:
        'How long each rung of the ladder lasts by which a step is ended. A step can have its own: stop-grace.',
    }),
    coordinatorGraceSeconds: described(
      'coordinatorGraceSeconds',
      'From the moment a step is asked to end until it is given up; longer than stopGrace in all. Null: 2 seconds longer.',
      seconds.nullable().default(defaults.coordinatorGraceSeconds),
    ),
    cancelTimeoutSeconds: described(
      'cancelTimeoutSeconds',
      'From the moment a job is cancelled until its always() and post steps are ended as well; longer than coordinatorGraceSeconds.',
      seconds.default(defaults.cancelTimeoutSeconds),
    ),
    tearDownSeconds: described(
      'tearDownSeconds',
      'What "Complete job" may take before the job is reported without the rest of its clean-up; longer than coordinatorGraceSeconds. Null: 18 seconds longer.',
      seconds.nullable().default(defaults.tearDownSeconds),
    ),
    waitNoticeSeconds: described(
      'waitNoticeSeconds',
      'How often a step that waits for others says what it waits for.',
      seconds.default(defaults.waitNoticeSeconds),
    ),
    oomScoreAdj: described(
      'oomScoreAdj',
      'Added to the OOM score of the processes of steps, so that they are ended before Paceline when memory runs out. Linux. Null leaves it.',
      z.number().int().min(-1_000).max(1_000).nullable().default(defaults.oomScoreAdj),
    ),
    cgroups: described(
      'cgroups',
      'Whether steps get a cgroup of their own, where cgroup v2 can be written.',
      z.enum(['auto', 'off']).default(defaults.cgroups),
    ),
    nodeRuntimes: described(
      'nodeRuntimes',
      'Node.js for JavaScript actions, by the version they ask for: { "24": "/opt/node24/bin/node" }. In the variable: 24=/opt/node24/bin/node,20=…',
      z.record(z.string().regex(/^\d+$/, 'expected a version such as "24"'), path).default(defaults.nodeRuntimes),
    ),
    actions: actions.prefault({}),
    hooks: hooks.prefault({}),
    toolCache: described(
      'toolCache',
      'RUNNER_TOOL_CACHE. Null: below the cache folder of the user.',
      path.nullable().default(defaults.toolCache),
    ),
    workDirectory: described(
      'workDirectory',
      'Where the temporary folders of jobs are made. Null: the temporary folder of the user.',
      path.nullable().default(defaults.workDirectory),
    ),
    envFile: described(
      'envFile',
      'File of KEY=VALUE lines that every step inherits. Null: none.',
      path.nullable().default(defaults.envFile),
    ),
    log: log.prefault({}),
    agent: agent.prefault({}).meta({ description: 'Of an agent that works for a control server.' }),
    server: server.prefault({}).meta({ description: 'Of the control server.' }),
  })
  .meta({
    title: 'Configuration of a Paceline runner',
    description:
      'runner.config.json. Every key has an environment variable, which outranks the file. Relative paths are relative to the file (in a variable: to the current folder). No secret belongs in here.',
  });
