import { statfs } from 'node:fs/promises';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Gauge } from 'prom-client';
import { ATTEMPT_TRANSITIONS } from '../../protocol/attempt-state.ts';
import type { Store } from '../store.ts';
import { DEFAULT_SECONDS, type MetricDefinition, METRICS } from './metric-table.ts';
import type { MetricLabels, Metrics } from './metrics.ts';

const PREFIX = 'paceline_';
const NANOSECONDS = 1e9;
const LOOP_RESOLUTION_MS = 10;
/** Of the event loop's delay since the last look. */
const QUANTILES = [50, 90, 99];

export interface OpenMetrics extends Metrics {
  /** As Prometheus reads it; asks the database for levels, and leaves them as they were while it cannot be asked. */
  page(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** What a store tells (`onMetric`). */
  fromStore(metric: {
    readonly kind: 'count' | 'observe';
    readonly name: string;
    readonly labels: MetricLabels;
    readonly value: number;
  }): void;
  close(): void;
}

/**
 * Metrics of a process with a registry of their own. `store` is asked at each page, and may come later; so is the disk of
 * the data folder.
 */
export async function openMetrics(
  store: () => Pick<Store, 'execute'> | null,
  dataDirectory: string,
): Promise<OpenMetrics> {
  const { collectDefaultMetrics, Counter, Gauge: LevelGauge, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX, eventLoopMonitoringPrecision: LOOP_RESOLUTION_MS });
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  const known = new Map<string, InstanceType<typeof Counter> | Gauge | InstanceType<typeof Histogram>>();
  const make = (name: string, { kind, help, labels = [], buckets = DEFAULT_SECONDS }: MetricDefinition): void => {
    const options = { name: `${PREFIX}${name}`, help, labelNames: [...labels], registers: [registry] };
    if (kind === 'counter') known.set(name, new Counter(options));
    else if (kind === 'gauge') known.set(name, new LevelGauge(options));
    else known.set(name, new Histogram({ ...options, buckets: [...buckets] }));
  };
  for (const [name, definition] of Object.entries(METRICS)) make(name, definition);
  const loopDelay = new LevelGauge({
    name: `${PREFIX}event_loop_delay_seconds`,
    help: 'How late the event loop was since the last look.',
    labelNames: ['quantile'],
    registers: [registry],
  });
  const quietly = (act: () => void): void => {
    try {
      act();
    } catch {
      // Labels that do not fit are a bug of whoever counts; counting must not stop what is counted.
    }
  };
  const metrics: OpenMetrics = {
    count(name, labels = {}, by = 1) {
      if (!known.has(name)) make(name, { kind: 'counter', help: name, labels: Object.keys(labels) });
      const counter = known.get(name);
      if (counter instanceof Counter) quietly(() => counter.inc({ ...labels }, by));
    },
    observe(name, value, labels = {}) {
      if (!known.has(name)) make(name, { kind: 'histogram', help: name, labels: Object.keys(labels) });
      const histogram = known.get(name);
      if (histogram instanceof Histogram) quietly(() => histogram.observe({ ...labels }, value));
    },
    add(name, change, labels = {}) {
      if (!known.has(name)) make(name, { kind: 'gauge', help: name, labels: Object.keys(labels) });
      const gauge = known.get(name);
      if (gauge instanceof LevelGauge) quietly(() => gauge.inc({ ...labels }, change));
    },
    fromStore({ kind, name, labels, value }) {
      if (kind === 'count') metrics.count(name, labels, value);
      else metrics.observe(name, value, labels);
    },
    async page() {
      const gauges = (name: string): Gauge => known.get(name) as Gauge;
      await setLevels(store(), gauges);
      await setDisk(dataDirectory, gauges);
      setLoopDelay(loopDelay, loop);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    close() {
      loop.disable();
      registry.clear();
    },
  };
  return metrics;
}

async function setLevels(store: Pick<Store, 'execute'> | null, gauge: (name: string) => Gauge): Promise<void> {
  const levels = await store?.execute('measure-levels', {});
  gauge('database_up').set(levels?.ok === true ? 1 : 0);
  if (!levels?.ok) return;
  const { queues, attempts, runners, durableLagBytes, spoolBytes } = levels.value;
  gauge('queue_depth').reset();
  for (const { labels, depth } of queues) gauge('queue_depth').set({ label_set: labels }, depth);
  const open = Object.keys(ATTEMPT_TRANSITIONS).filter((state) => state !== 'finished');
  for (const state of open) gauge('attempts').set({ state }, attempts.find((one) => one.state === state)?.count ?? 0);
  for (const [state, count] of Object.entries(runners)) gauge('runners').set({ state }, count);
  gauge('log_durable_lag_bytes').set(durableLagBytes);
  gauge('agent_spool_bytes').set(spoolBytes);
}

async function setDisk(folder: string, gauge: (name: string) => Gauge): Promise<void> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    gauge('disk_free_bytes').set(bavail * bsize);
    gauge('disk_size_bytes').set(blocks * bsize);
  } catch {
    // A folder that cannot be asked leaves them as they were; the rest of the page is wanted all the more.
  }
}

function setLoopDelay(gauge: Gauge, loop: IntervalHistogram): void {
  for (const quantile of QUANTILES)
    gauge.set({ quantile: String(quantile / 100) }, secondsLate(loop.percentile(quantile)));
  gauge.set({ quantile: '1' }, secondsLate(loop.max));
  loop.reset();
}

/** The histogram has the time between two looks: the delay is what is above the resolution. */
function secondsLate(nanoseconds: number): number {
  const seconds = Number.isFinite(nanoseconds) ? nanoseconds / NANOSECONDS : 0;
  return Math.max(0, seconds - LOOP_RESOLUTION_MS / 1_000);
}
