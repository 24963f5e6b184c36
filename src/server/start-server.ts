import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bootClock } from '../kernel/boot-clock.ts';
import { steadyClock } from '../kernel/steady-clock.ts';
import { SILENT_LOG } from '../kernel/diagnostic-log.ts';
import { failpointAt, NO_FAILPOINT } from '../kernel/failpoint.ts';
import { AgentService } from './agent-service.ts';
import { Closers } from './closers.ts';
import { Sweeper } from './dispatch/sweeper.ts';
import { Admission } from './http/admission.ts';
import { createApp } from './http/app.ts';
import type { App } from './http/app.ts';
import { endpointsOf } from './http/endpoints-of.ts';
import { HeldRequests } from './http/held-requests.ts';
import { openHttpServer } from './http/http-server.ts';
import { Limits } from './http/limits.ts';
import { openServerTls } from './http/server-tls.ts';
import { startingResponse } from './http/respond.ts';
import { Wakeups } from './http/wakeups.ts';
import { openLogDisk } from './logs/open-log-disk.ts';
import { openLogStore } from './logs/open-log-store.ts';
import { Retention } from './logs/retention.ts';
import { openMetrics } from './observe/open-metrics.ts';
import { openTracing } from './observe/open-tracing.ts';
import type { RunningServer, ServerOptions } from './running-server.ts';
import { createRunService } from './runs/create-run-service.ts';
import { RepositoryReader } from './runs/repository-reader.ts';
import { Scheduler } from './runs/scheduler.ts';
import { ADMIN_TOKEN_FILE, ensureAdminTokenFile } from './secrets/admin-token.ts';
import { KeyError } from './secrets/load-key.ts';
import { openSecretBox } from './secrets/open-secret-box.ts';
import { listenAddress, nodeName, serverSettings, urlOf } from './server-settings.ts';
import { openStore } from './storage/open-store.ts';
import type { Store } from './store.ts';

/** In the data folder. */
const SQLITE_FILE = 'paceline.db';
const LOG_FOLDER = 'logs';
const REPOSITORY_FOLDER = 'repositories';
const MB = 1024 * 1024;
const GB = 1024 * MB;

/**
 * Opens everything that a server is made of, and serves. It listens first and answers 503 until the rest is there: that
 * a port is taken is known before the database is touched.
 * @throws DatabaseOpenError, KeyError; errors of the network and of the disk, with their code.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const closers = new Closers();
  try {
    return await open(options, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function open(options: ServerOptions, closers: Closers): Promise<RunningServer> {
  const { config, dataDirectory, log, version } = options;
  const clock = steadyClock(bootClock());
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });

  let app: App | null = null;
  const held = new HeldRequests();
  const listen = listenAddress(config.listen);
  const tls = await openServerTls(config.tls, clock, log);
  const http = await openHttpServer(
    (request, bindings) => app?.fetch(request, bindings) ?? startingResponse(),
    { held, clock },
    { ...listen, onError: options.onFatal, tls },
  );
  let isServing = false;
  // Before anything else is closed, and once.
  closers.add(() => (isServing ? undefined : http.stop()));
  const url = config.publicUrl ?? urlOf(listen.host, http.port, tls === null ? 'http' : 'https');
  const settings = serverSettings(options, url);
  const node = nodeName(http.port);

  let opened: Store | null = null;
  const metrics = await openMetrics(() => opened, dataDirectory);
  closers.add(() => metrics.close());
  const store = await openStore({
    database: config.database ?? join(dataDirectory, SQLITE_FILE),
    threadFile: options.storeThreadFile,
    node,
    settings,
    clock,
    onMetric: (metric) => metrics.fromStore(metric),
    onNote: log === SILENT_LOG ? null : ({ message, fields }) => log.info(message, fields),
    onTrouble: (message) => log.error(message),
    failpoint: options.failpoint ?? null,
  });
  opened = store;
  closers.add(() => store.close());
  const box = await openSecretBox(store, { ...config, dataDirectory }, randomBytes);
  if (!box.ok) throw new KeyError(box.error.message);
  const admin = await ensureAdminTokenFile(store, dataDirectory, randomBytes);
  if (!admin.ok) throw new Error(`the first token cannot be made: ${admin.error.message}`);
  const regrouped = await store.execute('regroup', {});
  if (!regrouped.ok) throw new Error(`jobs cannot be held against the groups: ${regrouped.error.message}`);

  const logs = await openLogStore({
    store,
    disk: await openLogDisk(join(dataDirectory, LOG_FOLDER)),
    clock,
    node,
    limits: { stepBytes: config.maxStepLogMb * MB, jobBytes: config.maxJobLogMb * MB },
    metrics,
    log,
    searchThreadFile: options.searchThreadFile ?? null,
    failpoint: options.failpoint == null ? NO_FAILPOINT : failpointAt(options.failpoint, killHere),
  });
  closers.add(() => logs.close());
  const agents = new AgentService({
    store,
    logs,
    secrets: box.value,
    clock,
    random: Math.random,
    randomBytes,
    settings: { ...settings, pollMs: config.pollSeconds * 1000 },
    log,
  });
  closers.add(() => agents.close());
  const sweeper = new Sweeper({
    ...{ store, clock, settings, log },
    onSwept: (seconds) => metrics.observe('sweeper_duration_seconds', seconds),
  });
  closers.add(() => sweeper.close());
  const runs = createRunService({
    store,
    secrets: box.value,
    baseUrl: settings.baseUrl,
    repositories: new RepositoryReader({
      directory: join(dataDirectory, REPOSITORY_FOLDER),
      environment: withoutUndefined(options.environment),
    }),
  });
  const scheduler = new Scheduler({ store, clock, log, start: (due, signal) => runs.runSchedule(due, signal) });
  closers.add(() => scheduler.stop());
  const logBytes = config.retentionGb * GB;
  const retention = new Retention({
    ...{ store, logs, clock, log, logBytes, days: config.retentionDays },
    runnerDays: config.removeRunnersAfterDays,
    ephemeralRunnerDays: config.removeEphemeralRunnersAfterDays,
  });
  closers.add(() => retention.close());
  const wakeups = new Wakeups(store, clock);
  closers.add(() => wakeups.close());

  const endpoints = endpointsOf({
    store,
    runs,
    wakeups,
    clock,
    log,
    agents,
    logs,
    box: box.value,
    maxWorkflowMb: config.maxWorkflowMb,
    version,
    randomBytes,
    metrics: () => metrics.page(),
    onViewers: (change) => metrics.add('sse_clients', change),
    onEventLag: (seconds) => metrics.observe('sse_lag_seconds', seconds),
    watchLogs: (attempt) => {
      agents.watch(attempt);
      return () => agents.unwatch(attempt);
    },
  });
  const serving = {
    store,
    clock,
    log,
    held,
    limits: new Limits(() => clock.monotonic()),
    admission: new Admission(),
    requestId: randomUUID,
    onAnswer: (route: string, method: string, status: number, ms: number) =>
      metrics.observe('http_request_seconds', ms / 1000, { route, method, status: String(status) }),
  };
  if (config.traceEndpoint !== null) {
    const tracing = await openTracing({ endpoint: config.traceEndpoint, store, clock, log, version });
    closers.add(() => tracing.close());
  }
  await sweeper.start();
  retention.start();
  app = createApp(endpoints, serving, version);
  isServing = true;
  closers.add(() => http.stop());
  log.info('the server listens', { url, node });
  return {
    host: http.host,
    port: http.port,
    url,
    adminToken: admin.value,
    adminTokenFile: join(dataDirectory, ADMIN_TOKEN_FILE),
    stop: () => closers.close(),
  };
}

/** As a power cut would. */
function killHere(): void {
  process.kill(process.pid, 'SIGKILL');
}

function withoutUndefined(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
