/**
 * One simulated world: a server and agents, the code that production runs, on virtual time, over a faulty network, disks
 * that lose what was not synced, clocks that are off, and processes that die. The same seed gives the same history.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentApi } from '../../src/protocol/agent-api.ts';
import { setSecretValue } from '../../src/server/secrets/set-secret.ts';
import { mintToken } from '../../src/server/secrets/token.ts';
import { checkInvariants } from './check-invariants.ts';
import { FAIR, type Weather } from './faulty-network.ts';
import { History } from './history.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedAgent } from './simulated-agent.ts';
import { SimulatedMachine } from './simulated-machine.ts';
import { type ServerLife, SimulatedServer } from './simulated-server.ts';
import { simulatedWorkflow } from './simulated-workflow.ts';
import { cancelRun, submitWorkflow } from './submit-workflow.ts';
import { VirtualTime } from './virtual-time.ts';

export interface Simulated {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly runs: number;
  readonly attempts: number;
  /** By kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Of the world, in milliseconds. */
  readonly elapsedMs: number;
}

const MINUTE = 60_000;
/** Submissions and faults happen in this time; then there is peace. */
const STORM_MS = 15 * MINUTE;
/** The longest job, and what a server waits for a lost one, several times over. */
const PEACE_MS = 4 * 60 * MINUTE;
/** Fenced attempts have ended by then. */
const SETTLING_MS = 2 * MINUTE;
const SECRET = 'the-secret-nobody-may-see';

export async function simulate(seed: number): Promise<Simulated> {
  const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = await mkdtemp(join(base, 'paceline-simulation-'));
  const world = new SimulatedWorld(seed, join(folder, 'server.db'));
  try {
    return await world.live();
  } finally {
    world.end();
    await rm(folder, { recursive: true, force: true });
  }
}

class SimulatedWorld {
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #time = new VirtualTime();
  readonly #history = new History();
  readonly #server: SimulatedServer;
  readonly #agents: SimulatedAgent[] = [];
  readonly #machines: SimulatedMachine[] = [];
  readonly #troubles: string[] = [];
  readonly #faults: Record<string, number> = {};
  readonly #acknowledged = new Map<string, string>();
  readonly #drained = new Set<string>();
  readonly #offeredAfterDrain: string[] = [];
  readonly #needs = new Map<number, ReadonlyMap<string, readonly string[]>>();
  readonly #exclusive = new Set<number>();
  #secretOnTheWire = false;
  #storm = true;

  constructor(seed: number, database: string) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
    this.#server = new SimulatedServer(database, this.#time, this.#random.fork(), this.#troubles);
  }

  async live(): Promise<Simulated> {
    await this.#soon(this.#begin());
    const storm = this.#time.elapsed + STORM_MS;
    this.#scheduleSubmissions();
    this.#scheduleFault();
    await this.#time.run(storm);
    this.#calm();
    let over = false;
    const poll = async (): Promise<void> => {
      for (;;) {
        await this.#time.sleep(MINUTE / 2);
        if (await this.#isOver()) break;
      }
      over = true;
    };
    void poll();
    await this.#time.run(storm + PEACE_MS, () => over);
    await this.#time.run(this.#time.elapsed + SETTLING_MS);
    return {
      seed: this.#seed,
      violations: await this.#judge(),
      runs: this.#needs.size,
      attempts: this.#history.attempts.size,
      faults: this.#faults,
      elapsedMs: this.#time.elapsed,
    };
  }

  end(): void {
    for (const agent of this.#agents) agent.kill();
    this.#server.kill();
  }

  async #begin(): Promise<void> {
    const life = await this.#server.start();
    const token = mintToken('registration', Buffer.alloc(32, this.#seed % 251));
    const created = await life.store.execute('create-token', {
      ...{ actor: 'simulation', name: 'registration', kind: 'registration', hash: token.hash, scopes: [] },
      ...{ expiresMs: 3_600_000, uses: null },
    });
    if (!created.ok) throw new Error(created.error.message);
    const set = await setSecretValue(life.store, life.secrets, {
      ...{ actor: 'simulation', scope: '', name: 'SECRET', value: SECRET },
    });
    if (!set.ok) throw new Error(set.error.message);
    const count = this.#random.between(1, 4);
    for (let n = 1; n <= count; n++) {
      const machine = new SimulatedMachine(`m${n}`, this.#time, this.#random.fork(), this.#history);
      const agent = new SimulatedAgent({
        machine,
        server: () => this.#server.life,
        weather: { ...FAIR },
        time: this.#time,
        random: this.#random.fork(),
        wiretap: (text) => {
          if (text.includes(SECRET)) this.#secretOnTheWire = true;
        },
        slots: this.#random.between(1, 3),
        labels: n % 2 === 0 || count === 1 ? ['self-hosted', 'even'] : ['self-hosted', 'odd'],
        watch: (api) => this.#watched(api, () => this.#agents.find((other) => other.machine === machine)),
      });
      await agent.register(life.api, token.token);
      this.#machines.push(machine);
      this.#agents.push(agent);
      agent.start();
    }
    // Somebody has to be able to take every job.
    if (!this.#agents.some((_, n) => (n + 1) % 2 === 0 || count === 1)) throw new Error('nobody is even');
  }

  #scheduleSubmissions(): void {
    const count = this.#random.between(2, 8);
    for (let n = 0; n < count; n++) {
      const workflow = simulatedWorkflow(this.#random.fork());
      const cancelAfter = this.#random.chance(0.2) ? this.#random.between(0, 3 * MINUTE) : null;
      this.#time.after(this.#random.between(0, STORM_MS / 2), () => {
        void this.#submit(workflow, `${this.#seed}-${n}`, cancelAfter);
      });
    }
  }

  /** As a person does who gets no answer: once more, with the same key. */
  async #submit(
    workflow: ReturnType<typeof simulatedWorkflow>,
    key: string,
    cancelAfter: number | null,
  ): Promise<void> {
    for (;;) {
      const run = await this.#ask((life) => submitWorkflow(life, workflow, key));
      if (run !== null) {
        this.#needs.set(run, workflow.needs);
        if (workflow.exclusive) this.#exclusive.add(run);
        if (cancelAfter === null) return;
        await this.#time.sleep(cancelAfter);
        while ((await this.#ask((life) => cancelRun(life, run))) === null) await this.#time.sleep(1_000);
        return;
      }
      await this.#time.sleep(1_000);
    }
  }

  /** Null when there was no server, or it died before it answered. */
  async #ask<T>(act: (life: ServerLife) => Promise<T>): Promise<T | null> {
    const life = this.#server.life;
    if (life === null) return null;
    return Promise.race([act(life).catch(() => null), life.death.then(() => null)]);
  }

  #scheduleFault(): void {
    this.#time.after(this.#random.between(1_000, 90_000), () => {
      if (!this.#storm) return;
      this.#strike();
      this.#scheduleFault();
    });
  }

  #strike(): void {
    const random = this.#random;
    const agent = random.pick(this.#agents);
    const faults: Readonly<Record<string, () => void>> = {
      'agent-killed': () => {
        agent.kill();
        this.#later(30_000, () => agent.start());
      },
      'agent-drained': () => {
        agent.drain();
        this.#later(5 * MINUTE, () => {
          agent.start();
        });
      },
      'worker-killed': () => {
        const workers = agent.machine.workers.filter(({ waiting }) => !waiting);
        if (workers.length > 0) agent.machine.killWorker(random.pick(workers));
      },
      'machine-rebooted': () => {
        agent.reboot();
        this.#later(2 * MINUTE, () => agent.start());
      },
      'server-killed': () => {
        this.#server.kill();
        this.#later(MINUTE, () => this.#startServer());
      },
      'server-power-cut': () => {
        this.#server.kill();
        this.#server.disk.powerCut();
        this.#later(MINUTE, () => this.#startServer());
      },
      'server-struck': () => {
        this.#server.strike = random.next() * 0.2;
      },
      'bad-weather': () => {
        const weather: Weather = {
          ...{ loss: random.next() * 0.4, duplicates: random.next() * 0.3, delayMs: random.between(5, 8_000) },
          partition: 'none',
        };
        Object.assign(agent.weather, weather);
        this.#later(4 * MINUTE, () => Object.assign(agent.weather, FAIR));
      },
      partition: () => {
        agent.weather.partition = random.pick(['both', 'requests', 'answers']);
        this.#later(random.chance(0.8) ? 3 * MINUTE : 14 * MINUTE, () => Object.assign(agent.weather, FAIR));
      },
      'clock-jumped': () => {
        const offset = random.pick([-3_600_000, 3_600_000, -30_000, 30_000]);
        if (random.chance(0.5)) agent.clockOffsetMs = offset;
        else this.#server.clockOffsetMs = offset;
      },
      'slow-disk': () => {
        this.#server.disk.syncMs = random.between(1_000, 10_000);
        this.#later(2 * MINUTE, () => {
          this.#server.disk.syncMs = 10;
        });
      },
      'server-disk-full': () => {
        this.#server.disk.full = true;
        this.#later(2 * MINUTE, () => {
          this.#server.disk.full = false;
        });
      },
      'agent-disk-full': () => {
        agent.machine.diskFull = true;
        this.#later(2 * MINUTE, () => {
          agent.machine.diskFull = false;
        });
      },
    };
    const [name, act] = random.pick(Object.entries(faults));
    this.#faults[name] = (this.#faults[name] ?? 0) + 1;
    act();
    if (this.#server.life === null) this.#later(MINUTE, () => this.#startServer());
  }

  #later(mostMs: number, act: () => void): void {
    this.#time.after(this.#random.between(0, mostMs), act);
  }

  #startServer(): void {
    if (this.#server.life !== null) return;
    this.#server.strike = 0;
    void this.#server.start().catch((error: unknown) => this.#troubles.push(String(error)));
  }

  /** From now on nothing fails, and everything has to come to its end. */
  #calm(): void {
    this.#storm = false;
    this.#server.strike = 0;
    this.#server.disk.full = false;
    this.#server.disk.syncMs = 10;
    this.#startServer();
    for (const agent of this.#agents) {
      Object.assign(agent.weather, FAIR);
      agent.machine.diskFull = false;
    }
    const keepUp = (): void => {
      for (const agent of this.#agents) agent.start();
      this.#startServer();
      this.#time.after(MINUTE, keepUp);
    };
    this.#time.after(5 * MINUTE, keepUp);
  }

  async #isOver(): Promise<boolean> {
    const life = this.#server.life;
    if (life === null) return false;
    const open = await life.store.db.selectFrom('run').select('id').where('state', '<>', 'completed').execute();
    const logs = await life.store.db
      .selectFrom('log_stream')
      .select('attempt_id')
      .whereRef('length', '<', 'sealed_length')
      .execute();
    return open.length === 0 && logs.length === 0;
  }

  #watched(api: AgentApi, agentOf: () => SimulatedAgent | undefined): AgentApi {
    /** Where a promise was given and is not yet kept: just then the network goes, or one of the two dies. */
    const afterAnswer = (probability: number): void => {
      const agent = agentOf();
      if (!this.#storm || agent === undefined || !this.#random.chance(probability)) return;
      const fault = this.#random.pick(['agent', 'server', 'machine', 'partition', 'partition'] as const);
      this.#faults[`${fault}-at-once`] = (this.#faults[`${fault}-at-once`] ?? 0) + 1;
      if (fault === 'agent') agent.kill();
      else if (fault === 'machine') agent.reboot();
      else if (fault === 'server') this.#server.kill();
      else agent.weather.partition = this.#random.pick(['both', 'requests', 'answers']);
      this.#later(3 * MINUTE, () => {
        Object.assign(agent.weather, FAIR);
        agent.start();
        this.#startServer();
      });
    };
    return {
      register: (...args) => api.register(...args),
      nonce: () => api.nonce(),
      unregister: (...args) => api.unregister(...args),
      openSession: (request) => api.openSession(request),
      closeSession: (key) => api.closeSession(key),
      poll: (...args) => api.poll(...args),
      decline: (...args) => api.decline(...args),
      appendLog: async (...args) => {
        const answer = await api.appendLog(...args);
        afterAnswer(0.01);
        return answer;
      },
      appendLogs: async (...args) => {
        const answer = await api.appendLogs(...args);
        afterAnswer(0.01);
        return answer;
      },
      accept: async (key, attempt, fence) => {
        const wasDrained = this.#drained.has(key.session);
        const answer = await api.accept(key, attempt, fence);
        if (answer.ok && wasDrained) this.#offeredAfterDrain.push(attempt);
        afterAnswer(0.1);
        return answer;
      },
      sync: async (key, request) => {
        const answer = await api.sync(key, request);
        afterAnswer(0.02);
        if (!answer.ok) return answer;
        for (const { attempt, records, from } of request.attempts) {
          const last = records.at(-1);
          const reply = answer.value.attempts.find((other) => other.attempt === attempt);
          if (last === undefined || reply?.result !== 'ok' || reply.ack < from + records.length - 1) continue;
          const record = JSON.parse(last) as { kind: string; conclusion: string };
          if (record.kind === 'job-finished') this.#acknowledged.set(attempt, record.conclusion);
        }
        return answer;
      },
      drain: async (key) => {
        const answer = await api.drain(key);
        if (answer.ok) this.#drained.add(key.session);
        return answer;
      },
    };
  }

  async #judge(): Promise<string[]> {
    const life = this.#server.life;
    if (life === null) return ['there is no server at the end'];
    const storedLog = async (attempt: string, step: number): Promise<Buffer> => {
      const parts: Uint8Array[] = [];
      for (let byte = 0; ;) {
        const slice = await this.#soon(life.logs.read(attempt, step, { byte }, 1_000_000));
        if (!slice.ok) throw new Error(`log of ${attempt} step ${step}: ${slice.error.message}`);
        parts.push(slice.value.bytes);
        byte += slice.value.bytes.length;
        if (slice.value.bytes.length === 0 || byte >= slice.value.length) return Buffer.concat(parts);
      }
    };
    const violations = await checkInvariants({
      ...{ db: life.store.db, history: this.#history, machines: this.#machines, storedLog },
      ...{ acknowledged: this.#acknowledged, offeredAfterDrain: this.#offeredAfterDrain },
      ...{ secret: SECRET, secretOnTheWire: this.#secretOnTheWire, needs: this.#needs, exclusive: this.#exclusive },
    });
    if (this.#server.disk.contents().includes(SECRET)) violations.push('I9: the secret is in a segment');
    return [...violations, ...this.#troubles.map((trouble) => `trouble: ${trouble}`)];
  }

  /** What waits for the world's time, waited for from outside of it. */
  async #soon<T>(asked: Promise<T>): Promise<T> {
    const done = { answered: false };
    const watched = asked.finally(() => {
      done.answered = true;
    });
    watched.catch(() => undefined);
    await this.#time.run(this.#time.elapsed + MINUTE, () => done.answered);
    if (!done.answered) throw new Error('no answer');
    return watched;
  }
}
