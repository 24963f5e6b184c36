import type { Clock } from '../../src/kernel/clock.ts';
import { steadyClock } from '../../src/kernel/steady-clock.ts';
import { SILENT_LOG } from '../../src/kernel/diagnostic-log.ts';
import type { AgentApi } from '../../src/protocol/agent-api.ts';
import { AgentService } from '../../src/server/agent-service.ts';
import { Sweeper } from '../../src/server/dispatch/sweeper.ts';
import type { LogStore } from '../../src/server/log-store.ts';
import { openLogStore } from '../../src/server/logs/open-log-store.ts';
import { NO_METRICS } from '../../src/server/observe/metrics.ts';
import type { ServerSettings } from '../../src/server/operation.ts';
import { SecretBox } from '../../src/server/secrets/secret-box.ts';
import { type InProcessStore, openStoreInProcess } from '../../src/server/storage/open-store-in-process.ts';
import type { SeededRandom } from './seeded-random.ts';
import { SimulatedLogDisk } from './simulated-log-disk.ts';
import type { VirtualTime } from './virtual-time.ts';

export const SERVER_SETTINGS: ServerSettings = {
  leaseMs: 60_000,
  offerMs: 30_000,
  lostAfterMs: 600_000,
  maxAttempts: 3,
  maxJobs: 1_000,
  isolateUntrusted: true,
  sessionTokenMs: 3_600_000,
  publicUrl: 'http://server.test',
  baseUrl: 'https://git.test',
};
const POLL_MS = 40_000;
const MEGABYTE = 1024 * 1024;

/** What a server is while it lives. */
export interface ServerLife {
  readonly api: AgentApi;
  readonly store: InProcessStore;
  readonly logs: LogStore;
  readonly secrets: SecretBox;
  readonly death: Promise<void>;
}

/** A server whose process can be killed at any commit: its database and its segments stay. */
export class SimulatedServer {
  readonly disk: SimulatedLogDisk;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #database: string;
  readonly #key: Uint8Array;
  readonly #troubles: string[];
  #life: ServerLife | null = null;
  #starting: Promise<ServerLife> | null = null;
  #die: () => void = () => undefined;
  #lives = 0;
  /** The system takes back a dead process's files at once; here it takes a few turns. */
  #closing: Promise<void> = Promise.resolve();
  /** How far its wall clock is off, in milliseconds. */
  clockOffsetMs = 0;
  /** Of a commit being the last thing it does: before it, or after it and before anybody is told. */
  strike = 0;

  constructor(database: string, time: VirtualTime, random: SeededRandom, troubles: string[]) {
    this.#database = database;
    this.#time = time;
    this.#random = random;
    this.#troubles = troubles;
    this.disk = new SimulatedLogDisk(time, random.fork());
    this.#key = Uint8Array.from({ length: 32 }, () => random.between(0, 255));
  }

  get life(): ServerLife | null {
    return this.#life;
  }

  /** At most one at a time. */
  start(): Promise<ServerLife> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #start(): Promise<ServerLife> {
    await this.#time.outside(this.#closing);
    const number = ++this.#lives;
    const alive = (): boolean => this.#lives === number;
    const clock = this.#clock(alive);
    const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => this.#random.between(0, 255));
    const opening = openStoreInProcess({
      database: this.#database,
      clock,
      node: 'server',
      settings: SERVER_SETTINGS,
      randomId: () => this.#random.id(16),
      onTrouble: (message) => {
        if (alive()) this.#troubles.push(message);
      },
      onCommit: () => {
        if (!alive()) throw new Error('the server is dead');
        if (this.strike > 0 && this.#random.chance(this.strike)) {
          this.kill();
          throw new Error('the server is struck');
        }
      },
    });
    const store = await this.#time.outside(opening);
    const secrets = new SecretBox(this.#key, bytes);
    const settings = { ...SERVER_SETTINGS, pollMs: POLL_MS };
    const logs = await openLogStore({
      store,
      disk: this.disk.open(alive),
      clock,
      node: 'server',
      limits: { stepBytes: 512 * MEGABYTE, jobBytes: 1_024 * MEGABYTE },
      metrics: NO_METRICS,
      log: SILENT_LOG,
      searchThreadFile: null,
    });
    const api = new AgentService({
      store,
      logs,
      secrets,
      clock,
      random: () => this.#random.next(),
      randomBytes: bytes,
      settings,
      log: SILENT_LOG,
    });
    await new Sweeper({ store, clock, settings, log: SILENT_LOG }).start();
    const death = new Promise<void>((resolve) => {
      this.#die = resolve;
    });
    this.#life = { api, store, logs, secrets, death };
    return this.#life;
  }

  /** The process is gone at once; what it had not committed never was. */
  kill(): void {
    const life = this.#life;
    if (life === null) return;
    this.#life = null;
    this.#lives++;
    this.#die();
    this.#closing = life.store.close();
  }

  /** A dead process has no timers. */
  #clock(alive: () => boolean): Clock {
    const clock = steadyClock(this.#time.clock(() => this.clockOffsetMs));
    return {
      ...clock,
      after: (ms, callback) =>
        clock.after(ms, () => {
          if (alive()) callback();
        }),
    };
  }
}
