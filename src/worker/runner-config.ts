import type { z } from 'zod';
import type { runnerConfigSchema } from './runner-config-schema.ts';

/**
 * The settings of a machine that runs jobs: `runner.config.json`. Paths are absolute once it is loaded; null where
 * whoever starts jobs has a default of its own. It holds no secret.
 */
export type RunnerConfig = Readonly<Omit<z.output<typeof runnerConfigSchema>, '$schema'>>;

/** What holds where neither the file nor the environment says anything. Seconds may have a fraction. */
export const DEFAULT_RUNNER_CONFIG = {
  maxBackground: 10,
  stopGrace: { interruptSeconds: 7.5, terminateSeconds: 2.5 },
  coordinatorGraceSeconds: null as number | null,
  cancelTimeoutSeconds: 300,
  tearDownSeconds: null as number | null,
  waitNoticeSeconds: 30,
  oomScoreAdj: 500 as number | null,
  cgroups: 'auto' as 'auto' | 'off',
  nodeRuntimes: {} as Record<string, string>,
  actions: {
    baseUrl: 'https://github.com',
    cacheDirectory: null as string | null,
    roots: [] as string[],
    offline: false,
  },
  hooks: { jobStarted: null as string | null, jobCompleted: null as string | null },
  toolCache: null as string | null,
  workDirectory: null as string | null,
  envFile: null as string | null,
  log: { level: 'off' as LogLevel, file: null as string | null },
};

/** Of the diagnostic log: each level has what the ones before it have. */
export type LogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug';
