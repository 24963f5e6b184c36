/** How the text of an environment variable becomes a value of the configuration. */
export type ConfigValueKind =
  | 'text'
  | 'number'
  | 'boolean'
  /** A file or folder. */
  | 'path'
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
];

/** The variable of a key; the key itself is a bug when there is none. */
export function variableOf(path: readonly string[]): ConfigVariable {
  const key = path.join('.');
  const found = CONFIG_VARIABLES.find((candidate) => candidate.path.join('.') === key);
  if (!found) throw new Error(`the key ${key} of the configuration has no environment variable`);
  return found;
}
