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
  agent: {
    server: null as string | null,
    caFile: null as string | null,
    clientCertificateFile: null as string | null,
    clientKeyFile: null as string | null,
    stateDirectory: null as string | null,
    slots: 1,
    labels: [] as string[],
    ephemeral: false,
    clean: 'job' as 'job' | 'never',
    allowRepositories: [] as string[],
    allowActions: [] as string[],
    minFreeDiskMb: 512,
    healthScript: null as string | null,
    healthIntervalSeconds: 30,
    spoolMb: 2_048,
    drainTimeoutSeconds: 3_600,
    idleTimeoutSeconds: null as number | null,
    flushTimeoutSeconds: 120,
    keepJournalSeconds: 86_400,
  },
  server: {
    listen: '127.0.0.1:7380',
    publicUrl: null as string | null,
    tls: {
      certificateFile: null as string | null,
      keyFile: null as string | null,
      clientCaFile: null as string | null,
    },
    database: null as string | null,
    databasePasswordFile: null as string | null,
    dataDirectory: null as string | null,
    keyFile: null as string | null,
    keyCommand: null as string | null,
    leaseSeconds: 60,
    offerSeconds: 30,
    lostAfterSeconds: 600,
    pollSeconds: 40,
    maxAttempts: 3,
    maxWorkflowMb: 1,
    maxJobs: 10_000,
    maxStepLogMb: 512,
    maxJobLogMb: 1_024,
    retentionDays: 90,
    retentionGb: 50,
    untrustedRuns: 'isolate' as 'isolate' | 'anywhere',
    removeRunnersAfterDays: 14,
    removeEphemeralRunnersAfterDays: 1,
    traceEndpoint: null as string | null,
  },
};

/** Of the diagnostic log: each level has what the ones before it have. */
export type LogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug';
