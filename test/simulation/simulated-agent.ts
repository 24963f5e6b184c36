import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Agent } from '../../src/agent/agent.ts';
import type { AgentExit } from '../../src/agent/agent-exit.ts';
import type { AgentSettings } from '../../src/agent/agent-settings.ts';
import { DEFAULT_RUNNER_CONFIG } from '../../src/config/runner-config.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { SILENT_LOG } from '../../src/kernel/diagnostic-log.ts';
import { unseal } from '../../src/kernel/sealed-box.ts';
import type { AgentApi } from '../../src/protocol/agent-api.ts';
import { overNetwork, type Server, type Weather, type Wiretap } from './faulty-network.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { SimulatedMachine } from './simulated-machine.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface AgentOptions {
  readonly machine: SimulatedMachine;
  readonly server: Server;
  readonly weather: Weather;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly wiretap: Wiretap;
  readonly slots: number;
  readonly labels: readonly string[];
  /** Sees what the agent asks and is answered. */
  readonly watch: (api: AgentApi) => AgentApi;
}

/** An agent's process on a machine: it can be killed, started again, and asked to end. */
export class SimulatedAgent {
  readonly machine: SimulatedMachine;
  readonly weather: Weather;
  readonly #options: AgentOptions;
  readonly #signKey: KeyObject;
  readonly #sealKey: string;
  readonly #publicKeys: { readonly publicKey: string; readonly sealKey: string };
  #runner = '';
  #lives = 0;
  #agent: Agent | null = null;
  clockOffsetMs = 0;
  /** Of the last one that ended by itself. */
  exit: AgentExit | null = null;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.machine = options.machine;
    this.weather = options.weather;
    const signing = generateKeyPairSync('ed25519');
    const sealing = generateKeyPairSync('x25519');
    this.#signKey = signing.privateKey;
    this.#sealKey = sealing.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
    this.#publicKeys = { publicKey: spki(signing.publicKey), sealKey: spki(sealing.publicKey) };
  }

  get runs(): boolean {
    return this.#agent !== null;
  }

  async register(api: AgentApi, token: string): Promise<void> {
    const { labels, machine } = this.#options;
    const request = { name: machine.name, labels: [...labels], ephemeral: false, replace: false, ...this.#publicKeys };
    const registered = await api.register(token, request);
    if (!registered.ok) throw new Error(registered.error.message);
    this.#runner = registered.value.runner;
  }

  /** Nothing while it runs: its folder is locked. */
  start(): void {
    if (this.runs) return;
    const { server, weather, time, random, wiretap, machine, watch } = this.#options;
    const life = ++this.#lives;
    const alive = (): boolean => this.#lives === life;
    const agent = new Agent(
      {
        api: mortal(watch(overNetwork(server, weather, time, random, wiretap)), alive),
        clock: this.#clock(alive),
        random: () => random.next(),
        ...machine.ports(),
        keys: {
          sign: (text) => sign(null, Buffer.from(text), this.#signKey).toString('base64'),
          unseal: (sealed, associatedData) => unseal(sealed, this.#sealKey, associatedData),
        },
        health: () => Promise.resolve(machine.diskFull ? { kind: 'disk', message: 'the disk is full' } : null),
        report: () => undefined,
        log: SILENT_LOG,
      },
      this.#settings(),
    );
    this.#agent = agent;
    this.exit = null;
    void agent.run().then((exit) => {
      if (!alive()) return;
      this.#agent = null;
      this.exit = exit;
    });
  }

  kill(): void {
    this.#lives++;
    this.#agent = null;
    this.machine.killAgent();
  }

  reboot(): void {
    this.#lives++;
    this.#agent = null;
    this.machine.reboot();
  }

  drain(): void {
    this.#agent?.drain();
  }

  #settings(): AgentSettings {
    const { machine, slots, labels } = this.#options;
    return {
      ...{
        runner: this.#runner,
        name: machine.name,
        version: '1.0.0',
        machineId: machine.name,
        takeover: false,
        slots,
      },
      ...{ labels, ephemeral: false, allowRepositories: [], allowActions: [], healthIntervalMs: 30_000 },
      ...{ spoolBytes: 1_000_000_000, drainTimeoutMs: 3_600_000, idleTimeoutMs: null, flushTimeoutMs: 120_000 },
      ...{ keepJournalMs: 86_400_000, cancelTimeoutMs: 300_000, forceTimeoutMs: 30_000, config: DEFAULT_RUNNER_CONFIG },
    };
  }

  #clock(alive: () => boolean): Clock {
    const clock = this.#options.time.clock(() => this.clockOffsetMs);
    return {
      ...clock,
      after: (ms, callback) =>
        clock.after(ms, () => {
          if (alive()) callback();
        }),
    };
  }
}

/** What a dead process asked for is never answered. */
function mortal(api: AgentApi, alive: () => boolean): AgentApi {
  const whileAlive = async <T>(asked: Promise<T>): Promise<T> => {
    const answer = await asked;
    return alive() ? answer : new Promise<T>(() => undefined);
  };
  return {
    register: (...args) => whileAlive(api.register(...args)),
    nonce: () => whileAlive(api.nonce()),
    unregister: (...args) => whileAlive(api.unregister(...args)),
    openSession: (...args) => whileAlive(api.openSession(...args)),
    closeSession: (...args) => whileAlive(api.closeSession(...args)),
    poll: (...args) => whileAlive(api.poll(...args)),
    accept: (...args) => whileAlive(api.accept(...args)),
    decline: (...args) => whileAlive(api.decline(...args)),
    sync: (...args) => whileAlive(api.sync(...args)),
    appendLog: (...args) => whileAlive(api.appendLog(...args)),
    appendLogs: (...args) => whileAlive(api.appendLogs(...args)),
    drain: (...args) => whileAlive(api.drain(...args)),
  };
}

function spki(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64');
}
