/** How the text of an environment variable becomes a value of the configuration. */
export type ConfigValueKind =
  | 'text'
  | 'number'
  | 'boolean'
  /** A file or folder. */
  | 'path'
  /** Texts, separated by commas. */
  | 'list'
  /** Folders, separated as in PATH. */
  | 'paths'
  /** `NAME=PATH,NAME=PATH` */
  | 'path-map';

export interface ConfigVariable {
  readonly variable: string;
  /** Of the key in the file, from the outside in. */
  readonly path: readonly string[];
  readonly kind: ConfigValueKind;
}

/** Every key of `runner.config.json` with the variable that outranks it. An empty variable counts as not set. */
export const CONFIG_VARIABLES: readonly ConfigVariable[] = [
  { variable: 'PACELINE_MAX_BACKGROUND', path: ['maxBackground'], kind: 'number' },
  { variable: 'PACELINE_STOP_GRACE_INTERRUPT_SECONDS', path: ['stopGrace', 'interruptSeconds'], kind: 'number' },
  { variable: 'PACELINE_STOP_GRACE_TERMINATE_SECONDS', path: ['stopGrace', 'terminateSeconds'], kind: 'number' },
  { variable: 'PACELINE_COORDINATOR_GRACE_SECONDS', path: ['coordinatorGraceSeconds'], kind: 'number' },
  { variable: 'PACELINE_CANCEL_TIMEOUT_SECONDS', path: ['cancelTimeoutSeconds'], kind: 'number' },
  { variable: 'PACELINE_TEAR_DOWN_SECONDS', path: ['tearDownSeconds'], kind: 'number' },
  { variable: 'PACELINE_WAIT_NOTICE_SECONDS', path: ['waitNoticeSeconds'], kind: 'number' },
  { variable: 'PACELINE_OOM_SCORE_ADJ', path: ['oomScoreAdj'], kind: 'number' },
  { variable: 'PACELINE_CGROUPS', path: ['cgroups'], kind: 'text' },
  { variable: 'PACELINE_NODE_RUNTIMES', path: ['nodeRuntimes'], kind: 'path-map' },
  { variable: 'PACELINE_ACTIONS_BASE_URL', path: ['actions', 'baseUrl'], kind: 'text' },
  { variable: 'PACELINE_ACTIONS_CACHE_DIRECTORY', path: ['actions', 'cacheDirectory'], kind: 'path' },
  { variable: 'PACELINE_ACTIONS_ROOTS', path: ['actions', 'roots'], kind: 'paths' },
  { variable: 'PACELINE_ACTIONS_OFFLINE', path: ['actions', 'offline'], kind: 'boolean' },
  { variable: 'PACELINE_HOOKS_JOB_STARTED', path: ['hooks', 'jobStarted'], kind: 'path' },
  { variable: 'PACELINE_HOOKS_JOB_COMPLETED', path: ['hooks', 'jobCompleted'], kind: 'path' },
  { variable: 'PACELINE_TOOL_CACHE', path: ['toolCache'], kind: 'path' },
  { variable: 'PACELINE_WORK_DIRECTORY', path: ['workDirectory'], kind: 'path' },
  { variable: 'PACELINE_ENV_FILE', path: ['envFile'], kind: 'path' },
  { variable: 'PACELINE_LOG', path: ['log', 'level'], kind: 'text' },
  { variable: 'PACELINE_LOG_FILE', path: ['log', 'file'], kind: 'path' },
  { variable: 'PACELINE_AGENT_SERVER', path: ['agent', 'server'], kind: 'text' },
  { variable: 'PACELINE_CA_FILE', path: ['agent', 'caFile'], kind: 'path' },
  { variable: 'PACELINE_CLIENT_CERTIFICATE_FILE', path: ['agent', 'clientCertificateFile'], kind: 'path' },
  { variable: 'PACELINE_CLIENT_KEY_FILE', path: ['agent', 'clientKeyFile'], kind: 'path' },
  { variable: 'PACELINE_AGENT_STATE_DIRECTORY', path: ['agent', 'stateDirectory'], kind: 'path' },
  { variable: 'PACELINE_AGENT_SLOTS', path: ['agent', 'slots'], kind: 'number' },
  { variable: 'PACELINE_AGENT_LABELS', path: ['agent', 'labels'], kind: 'list' },
  { variable: 'PACELINE_AGENT_EPHEMERAL', path: ['agent', 'ephemeral'], kind: 'boolean' },
  { variable: 'PACELINE_AGENT_CLEAN', path: ['agent', 'clean'], kind: 'text' },
  { variable: 'PACELINE_AGENT_ALLOW_REPOSITORIES', path: ['agent', 'allowRepositories'], kind: 'list' },
  { variable: 'PACELINE_AGENT_ALLOW_ACTIONS', path: ['agent', 'allowActions'], kind: 'list' },
  { variable: 'PACELINE_AGENT_MIN_FREE_DISK_MB', path: ['agent', 'minFreeDiskMb'], kind: 'number' },
  { variable: 'PACELINE_AGENT_HEALTH_SCRIPT', path: ['agent', 'healthScript'], kind: 'path' },
  { variable: 'PACELINE_AGENT_HEALTH_INTERVAL_SECONDS', path: ['agent', 'healthIntervalSeconds'], kind: 'number' },
  { variable: 'PACELINE_AGENT_SPOOL_MB', path: ['agent', 'spoolMb'], kind: 'number' },
  { variable: 'PACELINE_AGENT_DRAIN_TIMEOUT_SECONDS', path: ['agent', 'drainTimeoutSeconds'], kind: 'number' },
  { variable: 'PACELINE_AGENT_IDLE_TIMEOUT_SECONDS', path: ['agent', 'idleTimeoutSeconds'], kind: 'number' },
  { variable: 'PACELINE_AGENT_FLUSH_TIMEOUT_SECONDS', path: ['agent', 'flushTimeoutSeconds'], kind: 'number' },
  { variable: 'PACELINE_AGENT_KEEP_JOURNAL_SECONDS', path: ['agent', 'keepJournalSeconds'], kind: 'number' },
  { variable: 'PACELINE_SERVER_LISTEN', path: ['server', 'listen'], kind: 'text' },
  { variable: 'PACELINE_SERVER_PUBLIC_URL', path: ['server', 'publicUrl'], kind: 'text' },
  { variable: 'PACELINE_SERVER_TLS_CERTIFICATE_FILE', path: ['server', 'tls', 'certificateFile'], kind: 'path' },
  { variable: 'PACELINE_SERVER_TLS_KEY_FILE', path: ['server', 'tls', 'keyFile'], kind: 'path' },
  { variable: 'PACELINE_SERVER_TLS_CLIENT_CA_FILE', path: ['server', 'tls', 'clientCaFile'], kind: 'path' },
  { variable: 'PACELINE_SERVER_DATABASE', path: ['server', 'database'], kind: 'text' },
  {
    variable: 'PACELINE_SERVER_DATABASE_PASSWORD_FILE',
    path: ['server', 'databasePasswordFile'],
    kind: 'path',
  },
  { variable: 'PACELINE_SERVER_DATA_DIRECTORY', path: ['server', 'dataDirectory'], kind: 'path' },
  { variable: 'PACELINE_SERVER_KEY_FILE', path: ['server', 'keyFile'], kind: 'path' },
  { variable: 'PACELINE_SERVER_KEY_COMMAND', path: ['server', 'keyCommand'], kind: 'text' },
  { variable: 'PACELINE_SERVER_LEASE_SECONDS', path: ['server', 'leaseSeconds'], kind: 'number' },
  { variable: 'PACELINE_SERVER_OFFER_SECONDS', path: ['server', 'offerSeconds'], kind: 'number' },
  { variable: 'PACELINE_SERVER_LOST_AFTER_SECONDS', path: ['server', 'lostAfterSeconds'], kind: 'number' },
  { variable: 'PACELINE_SERVER_POLL_SECONDS', path: ['server', 'pollSeconds'], kind: 'number' },
  { variable: 'PACELINE_SERVER_MAX_ATTEMPTS', path: ['server', 'maxAttempts'], kind: 'number' },
  { variable: 'PACELINE_SERVER_MAX_WORKFLOW_MB', path: ['server', 'maxWorkflowMb'], kind: 'number' },
  { variable: 'PACELINE_SERVER_MAX_JOBS', path: ['server', 'maxJobs'], kind: 'number' },
  { variable: 'PACELINE_SERVER_MAX_STEP_LOG_MB', path: ['server', 'maxStepLogMb'], kind: 'number' },
  { variable: 'PACELINE_SERVER_MAX_JOB_LOG_MB', path: ['server', 'maxJobLogMb'], kind: 'number' },
  { variable: 'PACELINE_SERVER_RETENTION_DAYS', path: ['server', 'retentionDays'], kind: 'number' },
  { variable: 'PACELINE_SERVER_RETENTION_GB', path: ['server', 'retentionGb'], kind: 'number' },
  { variable: 'PACELINE_SERVER_UNTRUSTED_RUNS', path: ['server', 'untrustedRuns'], kind: 'text' },
  {
    variable: 'PACELINE_SERVER_REMOVE_RUNNERS_AFTER_DAYS',
    path: ['server', 'removeRunnersAfterDays'],
    kind: 'number',
  },
  {
    variable: 'PACELINE_SERVER_REMOVE_EPHEMERAL_RUNNERS_AFTER_DAYS',
    path: ['server', 'removeEphemeralRunnersAfterDays'],
    kind: 'number',
  },
  { variable: 'PACELINE_SERVER_TRACE_ENDPOINT', path: ['server', 'traceEndpoint'], kind: 'text' },
];

/** The variable of a key; the key itself is a bug when there is none. */
export function variableOf(path: readonly string[]): ConfigVariable {
  const key = path.join('.');
  const found = CONFIG_VARIABLES.find((candidate) => candidate.path.join('.') === key);
  if (!found) throw new Error(`the key ${key} of the configuration has no environment variable`);
  return found;
}
