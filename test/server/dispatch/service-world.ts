/** The service for agents over a database in memory, with agents that speak to it as the tests say. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { SILENT_LOG } from '../../../src/kernel/diagnostic-log.ts';
import type { PollReply, PollRequest, SessionKey, SessionRequest } from '../../../src/protocol/agent-api.ts';
import type { ApiResult } from '../../../src/protocol/api-error.ts';
import { AgentService } from '../../../src/server/agent-service.ts';
import type { LogStore } from '../../../src/server/log-store.ts';
import { mintToken, TOKEN_BYTES } from '../../../src/server/secrets/token.ts';
import { SecretBox } from '../../../src/server/secrets/secret-box.ts';
import type { Store } from '../../../src/server/store.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { TEST_SETTINGS } from '../../support/server-settings.ts';
import { RunHand } from '../runs/run-harness.ts';
import { TestJournal } from './queue-world.ts';

export const POLL_MS = 40_000;

export class ServiceWorld {
  readonly clock = new FakeClock();
  readonly secrets = new SecretBox(Buffer.alloc(32, 7), (count) => Buffer.alloc(count, 1));
  readonly store: TestStore;
  readonly service: AgentService;
  /** Names of the operations that were asked for, in order. */
  readonly asked: string[] = [];
  readonly logged: { readonly attempt: string; readonly step: number; readonly offset: number }[] = [];
  #bytes = 0;

  private constructor(store: TestStore, clock: FakeClock) {
    this.store = store;
    this.clock = clock;
    this.service = this.serve();
  }

  static async open(): Promise<ServiceWorld> {
    const clock = new FakeClock();
    return new ServiceWorld(await openTestStore({ database: 'sqlite', clock }), clock);
  }

  /** Another server on the same database. */
  serve(): AgentService {
    const store: Store = {
      execute: (name, input) => {
        this.asked.push(name);
        return this.store.execute(name, input);
      },
      subscribe: (listener) => this.store.subscribe(listener),
      close: () => this.store.close(),
    };
    const logs = {
      append: ({ attempt, step, offset, bytes }) => {
        this.logged.push({ attempt, step, offset });
        const end = offset + bytes.length;
        return Promise.resolve({ ok: true, value: { received: end, durable: end } });
      },
    } satisfies Pick<LogStore, 'append'>;
    return new AgentService({
      store,
      logs: logs as unknown as LogStore,
      secrets: this.secrets,
      clock: this.clock,
      random: () => 0.5,
      randomBytes: (count) => this.randomBytes(count),
      settings: {
        leaseMs: TEST_SETTINGS.leaseMs,
        sessionTokenMs: TEST_SETTINGS.sessionTokenMs,
        pollMs: POLL_MS,
      },
      log: SILENT_LOG,
    });
  }

  /** Never the same again. */
  randomBytes(count: number): Uint8Array {
    return createHash('shake256', { outputLength: count }).update(String(this.#bytes++)).digest();
  }

  async close(): Promise<void> {
    this.service.close();
    await settle();
    await this.store.close();
  }

  async agent(options: Partial<SessionRequest> = {}): Promise<TestAgent> {
    const { token, hash } = mintToken('registration', this.randomBytes(TOKEN_BYTES));
    const create = { actor: 'a', kind: 'registration', name: 't', hash, scopes: [], expiresMs: null, uses: 1 } as const;
    await this.store.execute('create-token', create);
    const agent = new TestAgent(this, options);
    await agent.register(token);
    await agent.connect();
    return agent;
  }

  /** Jobs that run on `linux`, side by side. */
  async submit(jobs = 1, options: { readonly priority?: number; readonly exclusive?: readonly string[] } = {}) {
    const text = Array.from(
      { length: jobs },
      (_, index) => `  job${index}: { runs-on: linux, steps: [{ run: 'true' }] }`,
    );
    return await RunHand.submit(this.store, `on: push\njobs:\n${text.join('\n')}\n`, options);
  }
}

export class TestAgent {
  readonly #world: ServiceWorld;
  readonly #options: Partial<SessionRequest>;
  readonly #name: string;
  readonly #sign = generateKeyPairSync('ed25519');
  readonly #seal = generateKeyPairSync('x25519');
  runner = '';
  key: SessionKey = { session: '', token: '' };

  constructor(world: ServiceWorld, options: Partial<SessionRequest>) {
    this.#world = world;
    this.#options = options;
    this.#name = `runner-${Buffer.from(world.randomBytes(6)).toString('hex')}`;
  }

  get privateKey(): string {
    return this.#seal.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
  }

  async register(token: string): Promise<void> {
    const { runner } = must(
      await this.#world.service.register(token, {
        name: this.#name,
        labels: ['linux'],
        publicKey: this.#sign.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        sealKey: this.#seal.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        ephemeral: this.#options.ephemeral ?? false,
        replace: false,
      }),
    );
    this.runner = runner;
  }

  async sessionRequest(more: Partial<SessionRequest> = {}): Promise<SessionRequest> {
    const { nonce } = must(await this.#world.service.nonce());
    return {
      runner: this.runner,
      nonce,
      signature: sign(null, Buffer.from(`paceline-session\n${nonce}`), this.#sign.privateKey).toString('base64'),
      protocol: 1,
      version: '1.0.0',
      features: ['exclusive'],
      machineId: `machine-of-${this.runner}`,
      bootId: 'boot-1',
      slots: 1,
      labels: ['linux'],
      ephemeral: false,
      takeover: false,
      attempts: [],
      ...this.#options,
      ...more,
    };
  }

  async connect(more: Partial<SessionRequest> = {}) {
    const reply = must(await this.#world.service.openSession(await this.sessionRequest(more)));
    this.key = { session: reply.session, token: reply.token };
    return reply;
  }

  /** Held until there is something, unless `signal` ends it. */
  poll(request: Partial<PollRequest> = {}, signal = new AbortController().signal) {
    const whole = { freeSlots: 1, takesWork: true, holding: [], ...request };
    return this.#world.service.poll(this.key, whole, signal);
  }

  /** The answer to a poll; throws when there is none, or an error. */
  async told(request: Partial<PollRequest> = {}): Promise<PollReply> {
    const reply = must(await this.poll(request));
    if (reply === null) throw new Error('the poll was answered with nothing');
    return reply;
  }

  async takeOffer(): Promise<{ attempt: string; fence: number }> {
    const offer = (await this.told()).offers[0];
    if (!offer) throw new Error('there was no offer');
    must(await this.#world.service.accept(this.key, offer.attempt, offer.fence));
    return { attempt: offer.attempt, fence: offer.fence };
  }

  /** Takes the next job and begins it. */
  async run(): Promise<{ attempt: string; fence: number; journal: TestJournal }> {
    const taken = await this.takeOffer();
    const journal = new TestJournal().start();
    await this.sync(taken, journal);
    return { ...taken, journal };
  }

  async sync({ attempt, fence }: { attempt: string; fence: number }, journal: TestJournal) {
    const sent = { attempt, fence, ...journal.since(journal.sent + 1), logs: [] };
    const reply = must(await this.#world.service.sync(this.key, { attempts: [sent] }));
    const own = reply.attempts[0];
    if (!own) throw new Error('no answer for the attempt');
    if (own.result === 'ok') journal.sent = own.ack;
    return own;
  }
}

export function must<T>(result: ApiResult<T>): T {
  if (!result.ok) throw Object.assign(new Error(result.error.message), { error: result.error });
  return result.value;
}
