import { createHash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { Store } from '../store.ts';
import type { RecordedSpan } from './take-spans.ts';

export interface TracingOptions {
  /** `http://HOST:4318`, where `/v1/traces` is put behind it, or the whole address. */
  readonly endpoint: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: DiagnosticLog;
  readonly version: string;
}

export interface Tracing {
  /** Sends what is recorded already. */
  close(): Promise<void>;
}

/** How often ended jobs are looked for. */
export const TRACE_MS = 5_000;
/** With what is tried again; a server that stops waits for no longer. */
const EXPORT_TIMEOUT_MS = 3_000;
/** A queue that a collector which is away may fill. */
const MAX_QUEUED_SPANS = 10_000;
const TRACE_ID_DIGITS = 32;
const SPAN_ID_DIGITS = 16;

/**
 * Sends runs, jobs, attempts and steps to a collector as spans (OTLP over HTTP), made from the recorded times when they
 * have ended: nothing that is traced waits for it, and spans that cannot be sent are lost. Ids follow from those of run
 * and attempt, so parts that are sent by different servers come together.
 */
export async function openTracing({ endpoint, store, clock, log, version }: TracingOptions): Promise<Tracing> {
  const { BasicTracerProvider, BatchSpanProcessor } = await import('@opentelemetry/sdk-trace-base');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { resourceFromAttributes } = await import('@opentelemetry/resources');
  const { ROOT_CONTEXT, SpanStatusCode, trace, TraceFlags } = await import('@opentelemetry/api');
  let spanId = '';
  let traceId = '';
  const exporter = new OTLPTraceExporter({ url: tracesUrl(endpoint), timeoutMillis: EXPORT_TIMEOUT_MS });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'paceline', 'service.version': version }),
    // Asked by `startSpan`, which is synchronous.
    idGenerator: { generateTraceId: () => traceId, generateSpanId: () => spanId },
    spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: MAX_QUEUED_SPANS })],
  });
  const tracer = provider.getTracer('paceline', version);

  const record = (span: RecordedSpan): void => {
    traceId = digits(span.trace, TRACE_ID_DIGITS);
    spanId = digits(span.key, SPAN_ID_DIGITS);
    const parent =
      span.parent === null
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, {
            ...{ traceId, spanId: digits(span.parent, SPAN_ID_DIGITS) },
            traceFlags: TraceFlags.SAMPLED,
            isRemote: true,
          });
    const conclusion = span.conclusion === null ? {} : { 'paceline.conclusion': span.conclusion };
    const attributes = { ...span.attributes, ...conclusion };
    const made = tracer.startSpan(span.name, { startTime: span.startedAt, attributes }, parent);
    for (const { name, at } of span.events) made.addEvent(name, at);
    if (span.conclusion === 'failure') made.setStatus({ code: SpanStatusCode.ERROR });
    made.end(Math.max(span.endedAt, span.startedAt));
  };

  const takeAll = async (): Promise<void> => {
    for (;;) {
      const taken = await store.execute('take-spans', {});
      if (!taken.ok) return;
      for (const span of taken.value.spans) record(span);
      if (taken.value.spans.length > 0) await send();
      if (!taken.value.more) return;
    }
  };
  const send = async (): Promise<void> => {
    try {
      await provider.forceFlush();
    } catch (error) {
      log.warn('spans could not be sent to the collector', { error: (error as Error).message });
    }
  };

  let closed = false;
  let cancel = (): void => undefined;
  let running = takeAll();
  const tick = (): void => {
    if (closed) return;
    cancel = clock.after(TRACE_MS, () => {
      running = takeAll().then(tick);
    });
  };
  void running.then(tick);
  return {
    async close() {
      closed = true;
      cancel();
      await running;
      await takeAll();
      await provider.shutdown().catch((error: unknown) => {
        log.warn('spans could not be sent to the collector', { error: (error as Error).message });
      });
    },
  };
}

function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (!url.pathname.endsWith('/v1/traces')) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  return url.href;
}

/** Never all zeros, which would be no id. */
function digits(text: string, count: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, count);
}
