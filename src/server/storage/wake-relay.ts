import type { Client, ClientConfig } from 'pg';
import type { Clock } from '../../kernel/clock.ts';
import type { WakeTopic } from '../operation.ts';

/** Topics of commits within this time go out together: a NOTIFY makes every commit of the database wait for it. */
const COALESCE_MS = 20;

/** While other servers cannot be heard, everything that could have come from them is looked at this often. */
const FALLBACK_MS = 1_000;

/** A connection that nothing was said on is asked whether it is still there. */
const HEARTBEAT_MS = 10_000;

const ANSWER_TIMEOUT_MS = 5_000;
const CHANNEL = 'paceline_wake';

/** PostgreSQL takes payloads below 8,000 bytes; topics are ASCII. */
const MAX_PAYLOAD = 7_000;

export interface WakeRelayOptions {
  readonly url: string;
  readonly clock: Clock;
  /** Of this relay, unlike any other's. */
  readonly id: string;
  /** Topics of other servers. */
  readonly onTopics: (topics: readonly WakeTopic[]) => void;
  /** What may have been missed. */
  readonly everything: () => Promise<readonly WakeTopic[]>;
  readonly onError: (message: string) => void;
}

/** Tells the other servers of a PostgreSQL database what changed, and hears it from them: LISTEN and NOTIFY. */
export class WakeRelay {
  readonly #options: WakeRelayOptions;
  readonly #pending = new Set<WakeTopic>();
  #client: Client | null = null;
  #closed = false;
  #flushing = false;
  #cancelFlush: (() => void) | null = null;
  #cancelTick: (() => void) | null = null;

  constructor(options: WakeRelayOptions) {
    this.#options = options;
  }

  /** Resolves once others are heard, or cannot be; it goes on trying. */
  async open(): Promise<void> {
    await this.#connect();
    this.#tick();
  }

  tell(topics: readonly WakeTopic[]): void {
    for (const topic of topics) this.#pending.add(topic);
    this.#cancelFlush ??= this.#options.clock.after(COALESCE_MS, () => void this.#flush());
  }

  /** What is pending is told first, when that is possible. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTick?.();
    this.#cancelFlush?.();
    await this.#flush();
    const client = this.#client;
    this.#client = null;
    // It may be gone already.
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const { default: pg } = await import('pg');
    const config: ClientConfig = {
      connectionString: this.#options.url,
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'paceline wake',
    };
    const client = new pg.Client(config);
    client.on('error', () => this.#lose(client));
    client.on('end', () => this.#lose(client));
    client.on('notification', ({ payload }) => this.#hear(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      this.#client = client;
    } catch (error) {
      this.#options.onError(error instanceof Error ? error.message : String(error));
      // A connection that was never made has nothing to end.
      await client.end().catch(() => undefined);
    }
  }

  #lose(client: Client): void {
    if (this.#client !== client || this.#closed) return;
    this.#client = null;
    this.#options.onError('the connection that other servers are heard on has ended');
    this.#cancelTick?.();
    this.#tick();
  }

  /** Connected: asks now and then whether it still is. Otherwise: looks at everything, and connects again. */
  #tick(): void {
    if (this.#closed) return;
    const wait = this.#client === null ? FALLBACK_MS : HEARTBEAT_MS;
    this.#cancelTick = this.#options.clock.after(wait, () => {
      void (this.#client === null ? this.#recover() : this.#beat(this.#client)).then(() => this.#tick());
    });
  }

  async #beat(client: Client): Promise<void> {
    try {
      await client.query('select 1');
    } catch {
      // Whatever it was: a new connection hears again, this one may not.
      this.#lose(client);
      await client.end().catch(() => undefined);
    }
  }

  async #recover(): Promise<void> {
    await this.#connect();
    const topics = await this.#options.everything();
    if (!this.#closed) this.#options.onTopics(topics);
    if (this.#client !== null && this.#pending.size > 0) await this.#flush();
  }

  #hear(payload: string): void {
    const [from = '', ...topics] = payload.split(' ');
    if (from !== this.#options.id && topics.length > 0) this.#options.onTopics(topics as WakeTopic[]);
  }

  async #flush(): Promise<void> {
    this.#cancelFlush = null;
    const client = this.#client;
    if (client === null || this.#flushing || this.#pending.size === 0) return;
    this.#flushing = true;
    const topics = [...this.#pending];
    this.#pending.clear();
    try {
      await client.query(`select pg_notify('${CHANNEL}', payload) from unnest($1::text[]) as payload`, [
        payloadsOf(this.#options.id, topics),
      ]);
    } catch {
      for (const topic of topics) this.#pending.add(topic);
      this.#lose(client);
      await client.end().catch(() => undefined);
    } finally {
      this.#flushing = false;
    }
    if (this.#client !== null && this.#pending.size > 0) this.tell([]);
  }
}

function payloadsOf(id: string, topics: readonly WakeTopic[]): string[] {
  const payloads: string[] = [];
  let payload = id;
  for (const topic of topics) {
    if (payload.length + topic.length >= MAX_PAYLOAD) {
      payloads.push(payload);
      payload = id;
    }
    payload += ` ${topic}`;
  }
  return [...payloads, payload];
}
