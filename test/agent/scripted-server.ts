import { crc32 } from 'node:zlib';
import { Pulse } from '../../src/kernel/pulse.ts';
import { seal } from '../../src/kernel/sealed-box.ts';
import { CHAIN_START, chainHash } from '../../src/kernel/record-chain.ts';
import type {
  AgentApi,
  Cancel,
  LogChunk,
  LogReply,
  Offer,
  PollReply,
  PollRequest,
  RegisterRequest,
  SealedSecrets,
  SessionKey,
  SessionReply,
  SessionRequest,
  SyncReply,
  SyncRequest,
  UnsealedMessage,
} from '../../src/protocol/agent-api.ts';
import type { ApiError, ApiErrorCode, ApiErrorReason, ApiResult } from '../../src/protocol/api-error.ts';
import type { AttemptRecord } from '../../src/protocol/attempt-record.ts';
import type { LossPolicy } from '../../src/protocol/attempt-state.ts';
import { unsealedMessage } from './messages.ts';

export type Call = keyof AgentApi;

/** What stands in the way of one call. `lost`: the server did it, the answer did not arrive. */
export type Fault = { readonly kind: 'refuse'; readonly error: ApiError } | { readonly kind: 'lost' };

export interface StoredAttempt {
  readonly id: string;
  fence: number;
  state: 'queued' | 'offered' | 'accepted' | 'running' | 'finished' | 'declined';
  policy: LossPolicy;
  repository: string | null;
  /** Of the server's disk. */
  texts: string[];
  hashes: string[];
  logs: Map<number, Buffer>;
  /** Bytes of a log that are durable; all when it is not told. */
  durable: Map<number, number>;
  cancel: Pick<Cancel, 'cause' | 'force'> | null;
  declines: { readonly reason: string; readonly final: boolean }[];
  accepts: number;
  live: boolean;
}

export const NETWORK: ApiError = { code: 'unavailable', reason: 'network', message: 'no answer', detail: null };

export function refusal(
  code: ApiErrorCode,
  reason: ApiErrorReason | null,
  detail: ApiError['detail'] = null,
): ApiError {
  return { code, reason, message: `refused: ${reason ?? code}`, detail };
}

/** A control server in memory: its rules are the real ones, and a test can put faults in its way. */
export class ScriptedServer implements AgentApi {
  readonly calls: { readonly call: Call; readonly at: number }[] = [];
  readonly sessions: SessionRequest[] = [];
  readonly polls: PollRequest[] = [];
  readonly syncs: SyncRequest[] = [];
  readonly chunks: LogChunk[] = [];
  readonly attempts = new Map<string, StoredAttempt>();
  readonly closed: string[] = [];
  readonly leaseMs: number;
  readonly #now: () => number;
  readonly #faults: { readonly call: Call; readonly fault: Fault; times: number }[] = [];
  #session: string | null = null;
  #count = 0;
  #fences = 0;
  #pollWake: (() => void)[] = [];
  incarnation = 'first';
  drained = 0;
  paused = false;
  leave = false;
  features: string[] = [];
  logIntervalMs = 3_000;
  readonly #gates = new Map<Call, Promise<void>>();
  readonly #answered = new Pulse();
  /** What jobs are. */
  message: UnsealedMessage = unsealedMessage();
  secrets: SealedSecrets = { secrets: { TOKEN: 'hunter2' }, masks: ['mask'], cloneToken: 'clone' };
  /** Of the runner, once it is registered; before, nothing is sealed. */
  registered: RegisterRequest | null = null;
  token = 't';

  constructor(now: () => number, leaseMs = 60_000) {
    this.#now = now;
    this.leaseMs = leaseMs;
  }

  /** The next calls of a kind go wrong. */
  fail(call: Call, error: ApiError = NETWORK, times = 1): void {
    this.#faults.push({ call, fault: { kind: 'refuse', error }, times });
  }

  loseAnswer(call: Call, times = 1): void {
    this.#faults.push({ call, fault: { kind: 'lost' }, times });
  }

  /** Calls of a kind wait before the server does anything, until what is returned is called. */
  gate(call: Call): () => void {
    let open = (): void => undefined;
    this.#gates.set(
      call,
      new Promise((resolve) => {
        open = resolve;
      }),
    );
    return () => {
      this.#gates.delete(call);
      open();
    };
  }

  mend(): void {
    this.#faults.length = 0;
  }

  count(call: Call): number {
    return this.calls.filter((entry) => entry.call === call).length;
  }

  offer(id: string, options: { policy?: LossPolicy; repository?: string | null } = {}): StoredAttempt {
    const attempt: StoredAttempt = {
      id,
      fence: ++this.#fences,
      state: 'queued',
      policy: options.policy ?? 'at-most-once',
      repository: options.repository ?? null,
      texts: [],
      hashes: [],
      logs: new Map(),
      durable: new Map(),
      cancel: null,
      declines: [],
      accepts: 0,
      live: false,
    };
    this.attempts.set(id, attempt);
    this.wake();
    return attempt;
  }

  /** Somebody else's from now on. */
  fenceOff(id: string): void {
    this.at(id).fence = ++this.#fences;
    this.wake();
  }

  cancel(id: string, cause: Cancel['cause'] = 'user', force = false): void {
    this.at(id).cancel = { cause, force };
    this.wake();
  }

  wake(): void {
    for (const wake of this.#pollWake.splice(0)) wake();
  }

  /** The same as an object whose members stand alone. */
  bound(): AgentApi {
    return {
      register: (token, request) => this.register(token, request),
      nonce: () => this.nonce(),
      unregister: () => this.unregister(),
      openSession: (request) => this.openSession(request),
      closeSession: (key) => this.closeSession(key),
      poll: (key, request, signal) => this.poll(key, request, signal),
      accept: (key, attempt, fence) => this.accept(key, attempt, fence),
      decline: (key, attempt, request) => this.decline(key, attempt, request),
      sync: (key, request) => this.sync(key, request),
      appendLog: (key, chunk) => this.appendLog(key, chunk),
      appendLogs: (key, chunks) => this.appendLogs(key, chunks),
      drain: (key) => this.drain(key),
    };
  }

  /** Resolves when the condition holds; looked at after each call. */
  until(condition: () => boolean): Promise<void> {
    return this.#answered.until(condition);
  }

  /** A newer session of somebody, or a server that forgot its sessions. */
  endSession(name: string | null): void {
    this.#session = name;
    this.wake();
  }

  get session(): string | null {
    return this.#session;
  }

  at(id: string): StoredAttempt {
    const attempt = this.attempts.get(id);
    if (attempt === undefined) throw new Error(`no attempt ${id}`);
    return attempt;
  }

  records(id: string): AttemptRecord[] {
    return this.at(id).texts.map((text) => JSON.parse(text) as AttemptRecord);
  }

  log(id: string, step: number): string {
    return this.at(id).logs.get(step)?.toString() ?? '';
  }

  register(_token: string, request: RegisterRequest): Promise<ApiResult<{ runner: string; name: string }>> {
    return this.#answer('register', () => {
      this.registered = request;
      return { ok: true, value: { runner: 'r1', name: request.name } };
    });
  }

  nonce(): Promise<ApiResult<{ nonce: string }>> {
    return this.#answer('nonce', () => ({ ok: true, value: { nonce: `nonce-${++this.#count}` } }));
  }

  unregister(): Promise<ApiResult<null>> {
    return this.#answer('unregister', () => ({ ok: true, value: null }));
  }

  openSession(request: SessionRequest): Promise<ApiResult<SessionReply>> {
    return this.#answer('openSession', () => {
      this.sessions.push(request);
      this.#session = `s${++this.#count}`;
      const attempts = request.attempts.map(({ attempt, fence }) => this.#verdict(attempt, fence));
      const { leaseMs, incarnation, features } = this;
      const server = { incarnation, leaseMs, renewMs: leaseMs / 4, features, protocol: 1, tokenMs: 3_600_000 };
      return { ok: true, value: { session: this.#session, token: this.token, ...server, attempts } };
    });
  }

  closeSession(key: SessionKey): Promise<ApiResult<null>> {
    return this.#answer('closeSession', () => {
      this.closed.push(key.session);
      return { ok: true, value: null };
    });
  }

  async poll(key: SessionKey, request: PollRequest, signal: AbortSignal): Promise<ApiResult<PollReply | null>> {
    this.polls.push(request);
    this.#answered.wake();
    const fault = await this.#begin('poll');
    if (fault?.kind === 'refuse') return { ok: false, error: fault.error };
    for (;;) {
      const refused = this.#check(key);
      if (refused !== null) return refused;
      const reply = this.#pollReply(request);
      if (reply !== null) return fault?.kind === 'lost' ? { ok: false, error: NETWORK } : { ok: true, value: reply };
      await new Promise<void>((resolve, reject) => {
        this.#pollWake.push(resolve);
        const leave = (): void => reject(signal.reason as Error);
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave, { once: true });
      });
    }
  }

  accept(key: SessionKey, id: string, fence: number): ReturnType<AgentApi['accept']> {
    return this.#answer(
      'accept',
      () => {
        const attempt = this.attempts.get(id);
        if (attempt?.fence !== fence || !['offered', 'accepted'].includes(attempt.state))
          return { ok: false, error: refusal('conflict', 'withdrawn') };
        attempt.state = 'accepted';
        attempt.accepts++;
        const text = JSON.stringify(this.secrets);
        const sealed = this.registered === null ? text : seal(text, this.registered.sealKey, id);
        return { ok: true, value: { leaseMs: this.leaseMs, policy: attempt.policy, message: this.message, sealed } };
      },
      key,
    );
  }

  decline(key: SessionKey, id: string, request: { reason: string; final: boolean }): Promise<ApiResult<null>> {
    return this.#answer(
      'decline',
      () => {
        const attempt = this.at(id);
        attempt.declines.push({ reason: request.reason, final: request.final });
        attempt.state = 'declined';
        return { ok: true, value: null };
      },
      key,
    );
  }

  sync(key: SessionKey, request: SyncRequest): Promise<ApiResult<SyncReply>> {
    return this.#answer(
      'sync',
      () => {
        this.syncs.push(request);
        const attempts = request.attempts.map((entry) => this.#sync(entry));
        return { ok: true, value: { attempts, leaseMs: this.leaseMs, logIntervalMs: this.logIntervalMs } };
      },
      key,
    );
  }

  appendLog(key: SessionKey, chunk: LogChunk): Promise<ApiResult<LogReply>> {
    return this.#answer('appendLog', () => this.#append(chunk), key);
  }

  appendLogs(key: SessionKey, chunks: readonly LogChunk[]): ReturnType<AgentApi['appendLogs']> {
    return this.#answer(
      'appendLogs',
      () => ({ ok: true as const, value: chunks.map((chunk) => this.#append(chunk)) }),
      key,
    );
  }

  #append(chunk: LogChunk): ApiResult<LogReply> {
    this.chunks.push(chunk);
    const { attempt: id, step, offset, bytes } = chunk;
    if (crc32(bytes).toString(16).padStart(8, '0') !== chunk.crc32)
      return { ok: false, error: refusal('invalid', 'checksum') };
    const attempt = this.attempts.get(id);
    if (attempt?.fence !== chunk.fence) return { ok: false, error: refusal('conflict', 'fenced') };
    const log = attempt.logs.get(step) ?? Buffer.alloc(0);
    if (offset !== log.length) return { ok: false, error: refusal('invalid', 'wrong-offset', { offset: log.length }) };
    const grown = Buffer.concat([log, bytes]);
    attempt.logs.set(step, grown);
    const durable = Math.min(attempt.durable.get(step) ?? grown.length, grown.length);
    return { ok: true, value: { received: grown.length, durable } };
  }

  drain(key: SessionKey): ReturnType<AgentApi['drain']> {
    return this.#answer(
      'drain',
      () => {
        this.drained++;
        const open = [...this.attempts.values()];
        for (const attempt of open) if (attempt.state === 'offered') attempt.state = 'queued';
        const outstanding = open.filter(({ state }) => state === 'accepted' || state === 'running').map(({ id }) => id);
        return { ok: true, value: { outstanding } };
      },
      key,
    );
  }

  #verdict(id: string, fence: number): SessionReply['attempts'][number] {
    const stored = this.attempts.get(id);
    const base = { attempt: id, ack: stored?.texts.length ?? 0 };
    if (stored === undefined) return { ...base, verdict: 'unknown', logs: [] };
    if (stored.fence !== fence) return { ...base, verdict: 'fenced', logs: [] };
    const logs = [...stored.logs].map(([step, bytes]) => ({ step, durable: bytes.length }));
    return { ...base, verdict: 'continue', logs };
  }

  #pollReply({ freeSlots, holding }: PollRequest): PollReply | null {
    const held = new Map(holding.map((entry) => [entry.attempt, entry]));
    const offers: Offer[] = [];
    const cancels: Cancel[] = [];
    const fenced: string[] = [];
    for (const attempt of this.attempts.values()) {
      const { id, fence, state, repository, cancel } = attempt;
      const entry = held.get(id);
      if (entry !== undefined && entry.fence !== fence) fenced.push(id);
      if (state === 'queued' && offers.length < freeSlots) attempt.state = 'offered';
      if (attempt.state === 'offered' && entry === undefined && offers.length < freeSlots)
        offers.push({ attempt: id, fence, run: 7, job: 'build', repository, expiresMs: 30_000 });
      if (cancel !== null && entry?.fence === fence && !entry.cancelling)
        cancels.push({ attempt: id, fence, ...cancel });
    }
    const reply = { offers, cancels, fenced, paused: this.paused, leave: this.leave };
    return offers.length + cancels.length + fenced.length > 0 || this.leave ? reply : null;
  }

  #sync(entry: SyncRequest['attempts'][number]): SyncReply['attempts'][number] {
    const stored = this.attempts.get(entry.attempt);
    const answer = (result: SyncReply['attempts'][number]['result']): SyncReply['attempts'][number] => ({
      attempt: entry.attempt,
      result,
      ack: stored?.texts.length ?? 0,
      cancel: stored?.cancel ?? null,
      live: stored?.live ?? false,
    });
    if (stored?.fence !== entry.fence) return answer('fenced');
    const ack = stored.texts.length;
    if (entry.from > ack + 1) return answer('gap');
    if ((stored.hashes[entry.from - 2] ?? CHAIN_START) !== entry.before) return answer('fork');
    for (const [index, text] of entry.records.entries()) {
      const seq = entry.from + index;
      const hash = chainHash(stored.hashes[seq - 2] ?? CHAIN_START, text);
      if (seq <= ack) {
        if (stored.hashes[seq - 1] !== hash) return answer('fork');
        continue;
      }
      stored.texts.push(text);
      stored.hashes.push(hash);
      const { kind } = JSON.parse(text) as AttemptRecord;
      if (kind === 'job-started') stored.state = 'running';
      if (kind === 'job-finished') stored.state = 'finished';
    }
    return answer('ok');
  }

  #check(key: SessionKey): { ok: false; error: ApiError } | null {
    if (key.session === this.#session) return null;
    const error = this.#session === null ? refusal('unauthorized', 'token-expired') : refusal('conflict', 'superseded');
    return { ok: false, error };
  }

  async #begin(call: Call): Promise<Fault | null> {
    this.calls.push({ call, at: this.#now() });
    const found = this.#faults.find((entry) => entry.call === call && entry.times > 0);
    if (found !== undefined) found.times--;
    await this.#gates.get(call);
    return found?.fault ?? null;
  }

  async #answer<T>(call: Call, act: () => ApiResult<T>, key?: SessionKey): Promise<ApiResult<T>> {
    const fault = await this.#begin(call);
    if (fault?.kind === 'refuse') return { ok: false, error: fault.error };
    const result = (key === undefined ? null : this.#check(key)) ?? act();
    this.#answered.wake();
    return fault?.kind === 'lost' ? { ok: false, error: NETWORK } : result;
  }
}
