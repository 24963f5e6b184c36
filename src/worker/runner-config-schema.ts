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
  })
  .meta({
    title: 'Configuration of a Paceline runner',
    description:
      'runner.config.json. Every key has an environment variable, which outranks the file. Relative paths are relative to the file (in a variable: to the current folder). No secret belongs in here.',
  });
