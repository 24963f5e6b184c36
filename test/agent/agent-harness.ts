import { Agent } from '../../src/agent/agent.ts';
import type { AgentExit } from '../../src/agent/agent-exit.ts';
import type { AgentPorts, AgentStatus, HealthProblem } from '../../src/agent/agent-ports.ts';
import type { AgentSettings } from '../../src/agent/agent-settings.ts';
import { DEFAULT_RUNNER_CONFIG } from '../../src/config/runner-config.ts';
import type { DiagnosticFields, DiagnosticLog } from '../../src/kernel/diagnostic-log.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { MemoryMachine } from './memory-machine.ts';
import { finishRecord } from './messages.ts';
import { ScriptedServer } from './scripted-server.ts';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: DiagnosticFields;
}

/** An agent on a scripted server, a machine in memory and a clock that the test moves. */
export class AgentBench {
  readonly clock = new FakeClock();
  readonly server: ScriptedServer;
  readonly machine = new MemoryMachine();
  readonly lines: LogLine[] = [];
  readonly statuses: AgentStatus[] = [];
  readonly settings: AgentSettings;
  health: HealthProblem | null = null;
  exit: AgentExit | null = null;
  failure: unknown = null;
  agent: Agent;
  #life = { alive: true };

  constructor(settings: Partial<AgentSettings> = {}, leaseMs = 60_000) {
    this.server = new ScriptedServer(() => this.clock.monotonic(), leaseMs);
    this.settings = { ...SETTINGS, ...settings };
    this.agent = this.#agent();
  }

  async start(): Promise<this> {
    void this.agent.run().then(
      (exit) => (this.exit = exit),
      (error: unknown) => (this.failure = error),
    );
    await settle();
    return this;
  }

  /** kill -9, then a new one. */
  async restart(): Promise<void> {
    this.die();
    await this.revive();
  }

  /** kill -9: nothing that the agent still does has an effect. */
  die(): void {
    this.#life.alive = false;
    for (const worker of this.machine.workers) {
      worker.forget();
      if (worker.order === null && !worker.dead) worker.die();
    }
  }

  async revive(): Promise<void> {
    this.server.endSession(null);
    this.#life = { alive: true };
    this.agent = this.#agent();
    await this.start();
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Offers a job and goes on until its worker has its order. */
  async startJob(id: string, options: Parameters<ScriptedServer['offer']>[1] = {}): Promise<void> {
    this.server.offer(id, options);
    await this.pass(0);
  }

  /** The worker of an attempt writes its last record and ends. */
  async finishJob(id: string, conclusion: 'success' | 'failure' | 'cancelled' = 'success'): Promise<void> {
    const worker = this.machine.worker(id);
    worker.write(finishRecord(conclusion));
    worker.die();
    await this.pass(100);
  }

  said(part: string): boolean {
    return this.lines.some(({ message }) => message.includes(part));
  }

  #agent(): Agent {
    const life = this.#life;
    const ports: AgentPorts = {
      api: cutOff(this.server, life),
      clock: this.clock,
      random: () => 0.5,
      attempts: cutOff(this.machine.attempts(), life),
      workers: cutOff(this.machine.launcher(), life),
      keys: { sign: (text) => `signed ${text}`, unseal: (sealed) => sealed },
      health: () => Promise.resolve(this.health),
      report: (status) => void this.statuses.push(status),
      log: this.#log({}),
    };
    return new Agent(ports, this.settings);
  }

  #log(own: DiagnosticFields): DiagnosticLog {
    const line =
      (level: string) =>
      (message: string, fields: DiagnosticFields = {}) =>
        void this.lines.push({ level, message, fields: { ...own, ...fields } });
    const levels = { error: line('error'), warn: line('warn'), info: line('info'), debug: line('debug') };
    return { ...levels, child: (fields) => this.#log({ ...own, ...fields }) };
  }
}

/** Of a world that an agent has in its hands: when it has died, nothing is done and no answer comes any more. */
function cutOff<T extends object>(world: T, life: { alive: boolean }): T {
  const never = new Promise<never>(() => undefined);
  const wrap = (value: unknown): unknown => {
    if (value instanceof Promise) return value.then((found) => (life.alive ? wrap(found) : never));
    if (Array.isArray(value)) return value.map(wrap);
    return isLive(value) ? cutOff(value, life) : value;
  };
  return new Proxy(world, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return wrap(member);
      return (...values: unknown[]) => (life.alive ? wrap(Reflect.apply(member, target, values)) : never);
    },
  });
}

/** Something that can be asked to do something. */
function isLive(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof Map || value instanceof Uint8Array) return false;
  return Object.values(value).some((member) => typeof member === 'function');
}

const SETTINGS: AgentSettings = {
  runner: 'r1',
  name: 'one',
  version: '0.1.0',
  machineId: 'machine',
  takeover: false,
  slots: 2,
  labels: ['self-hosted'],
  ephemeral: false,
  allowRepositories: [],
  allowActions: [],
  healthIntervalMs: 30_000,
  spoolBytes: 1_000_000,
  drainTimeoutMs: 600_000,
  idleTimeoutMs: null,
  flushTimeoutMs: 120_000,
  keepJournalMs: 86_400_000,
  cancelTimeoutMs: 330_000,
  forceTimeoutMs: 40_000,
  config: DEFAULT_RUNNER_CONFIG,
};
