import { createPublicKey, verify } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';
import { seal } from '../kernel/sealed-box.ts';
import type {
  AcceptReply,
  AgentApi,
  DeclineRequest,
  DrainReply,
  UnregisterRequest,
  LogChunk,
  LogReply,
  PollReply,
  PollRequest,
  RegisterReply,
  RegisterRequest,
  SessionKey,
  SessionReply,
  SessionRequest,
  SyncReply,
  SyncRequest,
} from '../protocol/agent-api.ts';
import type { ApiErrorCode, ApiErrorReason, ApiResult } from '../protocol/api-error.ts';
import { SERVER_FEATURES, SHARED_FEATURES } from '../protocol/version.ts';
import { DECLINE_MEMORY_MS } from './dispatch/limits.ts';
import type { LiveSession } from './dispatch/live-session.ts';
import { LogAppends } from './dispatch/log-appends.ts';
import { LogWatchers } from './dispatch/log-watchers.ts';
import { PollDesk } from './dispatch/poll-desk.ts';
import { SessionCache } from './dispatch/session-cache.ts';
import { STALE_NONCE } from './dispatch/use-nonce.ts';
import type { LogStore } from './log-store.ts';
import { jobSecrets } from './runs/job-secrets.ts';
import { Nonces } from './secrets/nonces.ts';
import type { SecretBox } from './secrets/secret-box.ts';
import { mintToken, readToken, TOKEN_BYTES } from './secrets/token.ts';
import type { Store } from './store.ts';

/** Durations in milliseconds. */
interface AgentServiceSettings {
  readonly leaseMs: number;
  /** How long a poll is held, ± 10 %. */
  readonly pollMs: number;
  readonly sessionTokenMs: number;
}

export interface AgentServiceOptions {
  readonly store: Store;
  readonly logs: LogStore;
  readonly secrets: SecretBox;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly settings: AgentServiceSettings;
  readonly log: DiagnosticLog;
}

/** What a runner signs begins with it, so that its signature is good for nothing else. */
const SIGNED_PREFIX = { session: 'paceline-session\n', unregister: 'paceline-unregister\n' } as const;
/** A lease is renewed so many times before it is over. */
const RENEWALS_PER_LEASE = 4;
/** How often it is written down which sessions were heard of, and the queue looked at without a wake. */
const UPKEEP_MS = 15_000;

/** The server's side of the conversation with agents. Several servers may serve one agent, one request each. */
export class AgentService implements AgentApi {
  readonly #options: AgentServiceOptions;
  readonly #nonces: Nonces;
  readonly #sessions: SessionCache;
  readonly #desk: PollDesk;
  readonly #watchers = new LogWatchers();
  readonly #logs: LogAppends;
  readonly #unsubscribe: () => void;
  #cancelUpkeep: (() => void) | null = null;
  #isClosed = false;

  constructor(options: AgentServiceOptions) {
    this.#options = options;
    const { store, clock, random, settings } = options;
    this.#nonces = new Nonces(options.secrets, clock, options.randomBytes);
    this.#sessions = new SessionCache(store, clock);
    this.#logs = new LogAppends(options);
    this.#desk = new PollDesk({ store, clock, random, pollMs: settings.pollMs });
    this.#unsubscribe = store.subscribe((topics) => {
      for (const topic of topics) this.#wake(topic);
    });
  }

  async register(token: string, request: RegisterRequest): Promise<ApiResult<RegisterReply>> {
    const read = readToken(token);
    if (read?.kind !== 'registration')
      return refused('unauthorized', 'token-unknown', 'a registration token is needed to register a runner');
    if (keyOf(request.publicKey, 'ed25519') === null || keyOf(request.sealKey, 'x25519') === null)
      return refused('invalid', null, 'publicKey has to be an Ed25519 key, sealKey an X25519 key: SPKI in base64');
    return await this.#options.store.execute('register-runner', { tokenHash: read.hash, request });
  }

  nonce(): Promise<ApiResult<{ readonly nonce: string }>> {
    return Promise.resolve({ ok: true, value: { nonce: this.#nonces.issue() } });
  }

  async unregister(runner: string, { signature, nonce, force }: UnregisterRequest): Promise<ApiResult<null>> {
    const signed = await this.#verify('unregister', runner, nonce, signature);
    return signed.ok ? await this.#options.store.execute('unregister-runner', { runner, nonce, force }) : signed;
  }

  async openSession({ signature, ...request }: SessionRequest): Promise<ApiResult<SessionReply>> {
    const { store, settings, randomBytes } = this.#options;
    const signed = await this.#verify('session', request.runner, request.nonce, signature);
    if (!signed.ok) return signed;
    const { token, hash } = mintToken('session', randomBytes(TOKEN_BYTES));
    const opened = await store.execute('open-session', { ...request, tokenHash: hash });
    if (!opened.ok) return opened;
    const { session, protocol, incarnation, attempts } = opened.value;
    return {
      ok: true,
      value: {
        session,
        token,
        tokenMs: settings.sessionTokenMs,
        protocol,
        features: [...SERVER_FEATURES, ...SHARED_FEATURES.filter((one) => request.features.includes(one))],
        incarnation,
        leaseMs: settings.leaseMs,
        renewMs: Math.round(settings.leaseMs / RENEWALS_PER_LEASE),
        attempts: [...attempts],
      },
    };
  }

  async closeSession(key: SessionKey): Promise<ApiResult<null>> {
    const session = await this.#find(key);
    return session.ok ? await this.#options.store.execute('close-session', { session: session.value.id }) : session;
  }

  async poll(key: SessionKey, request: PollRequest, signal: AbortSignal): Promise<ApiResult<PollReply | null>> {
    const session = await this.#find(key);
    if (!session.ok) return session;
    const end = await this.#desk.poll(session.value, request, signal);
    if (end.kind === 'reply') return { ok: true, value: end.reply };
    if (end.kind === 'error') return { ok: false, error: end.error };
    this.#sessions.invalidate(session.value.id);
    const again = await this.#find(key);
    return again.ok ? { ok: true, value: null } : again;
  }

  async accept(key: SessionKey, attempt: string, fence: number): Promise<ApiResult<AcceptReply>> {
    const session = await this.#find(key);
    if (!session.ok) return session;
    const { store, secrets, settings } = this.#options;
    const request = { session: session.value.id, attempt, fence };
    const accepted = await store.execute('accept-attempt', request);
    if (!accepted.ok) return accepted;
    const { policy, sealKey, composed } = accepted.value;
    try {
      const opened = jobSecrets(composed, (ciphertext, place) => secrets.decrypt(ciphertext, place));
      const sealed = seal(JSON.stringify(opened), sealKey, attempt);
      return { ok: true, value: { leaseMs: settings.leaseMs, policy, message: composed.message, sealed } };
    } catch (error) {
      return await this.#failAccepted(request, error);
    }
  }

  async decline(key: SessionKey, attempt: string, request: DeclineRequest): Promise<ApiResult<null>> {
    const session = await this.#find(key);
    if (!session.ok) return session;
    const { store, clock } = this.#options;
    session.value.decline(attempt, clock.monotonic() + DECLINE_MEMORY_MS);
    return await store.execute('decline-attempt', { session: session.value.id, attempt, ...request });
  }

  async sync(key: SessionKey, request: SyncRequest): Promise<ApiResult<SyncReply>> {
    const session = await this.#find(key);
    if (!session.ok) return session;
    const { id, toldForced } = session.value;
    const synced = await this.#options.store.execute('sync-attempts', { session: id, attempts: request.attempts });
    if (!synced.ok) return synced;
    const attempts = synced.value.attempts.map((reply) => {
      if (reply.cancel?.force === true) toldForced.add(reply.attempt);
      return { ...reply, live: this.#watchers.isWatched(reply.attempt) };
    });
    if (request.attempts.some(({ records }) => records.length > 0)) this.#desk.reported(id);
    const logIntervalMs = this.#watchers.intervalMs(this.#sessions.size);
    return { ok: true, value: { attempts, leaseMs: this.#options.settings.leaseMs, logIntervalMs } };
  }

  async appendLog(key: SessionKey, chunk: LogChunk): Promise<ApiResult<LogReply>> {
    const session = await this.#find(key);
    return session.ok ? await this.#logs.append(session.value, chunk) : session;
  }

  /** All of them share the next flush and the next commit. */
  async appendLogs(key: SessionKey, chunks: readonly LogChunk[]): Promise<ApiResult<readonly ApiResult<LogReply>[]>> {
    const session = await this.#find(key);
    if (!session.ok) return session;
    return { ok: true, value: await Promise.all(chunks.map((chunk) => this.#logs.append(session.value, chunk))) };
  }

  async drain(key: SessionKey): Promise<ApiResult<DrainReply>> {
    const session = await this.#find(key);
    if (!session.ok) return session;
    const drained = await this.#options.store.execute('drain-session', { session: session.value.id });
    if (drained.ok) this.#desk.look(session.value.id);
    return drained;
  }

  /** Somebody watches the logs of an attempt: they are to come at once. As many times as {@link unwatch}. */
  watch(attempt: string): void {
    this.#watchers.watch(attempt);
  }

  unwatch(attempt: string): void {
    this.#watchers.unwatch(attempt);
  }

  /** Answers every poll with nothing. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#cancelUpkeep?.();
    this.#desk.close();
  }

  async #find(key: SessionKey): Promise<ApiResult<LiveSession>> {
    const found = await this.#sessions.find(key);
    if (found.ok && this.#cancelUpkeep === null && !this.#isClosed) this.#scheduleUpkeep();
    return found;
  }

  #wake(topic: string): void {
    const at = topic.indexOf(':');
    const name = topic.slice(at + 1);
    if (topic.startsWith('queue:')) this.#desk.dispatcher.wake(Number(name));
    if (!topic.startsWith('session:')) return;
    this.#sessions.invalidate(name);
    this.#desk.look(name);
  }

  /** Whether the runner has signed the nonce, for this and for nothing else. */
  async #verify(
    purpose: keyof typeof SIGNED_PREFIX,
    runner: string,
    nonce: string,
    signature: string,
  ): Promise<ApiResult<null>> {
    if (!this.#nonces.isFresh(nonce)) return { ok: false, error: STALE_NONCE };
    const found = await this.#options.store.execute('find-runner-key', { runner });
    if (!found.ok) return found;
    if (found.value === null)
      return refused('unauthorized', 'token-unknown', 'the server does not know this runner; register it');
    const key = keyOf(found.value.publicKey, 'ed25519');
    const signed = Buffer.from(SIGNED_PREFIX[purpose] + nonce);
    if (key !== null && verify(null, signed, key, Buffer.from(signature, 'base64'))) return { ok: true, value: null };
    return refused('unauthorized', 'token-unknown', "the signature is not made with the runner's key");
  }

  async #failAccepted(
    request: { readonly session: string; readonly attempt: string; readonly fence: number },
    error: unknown,
  ): Promise<ApiResult<AcceptReply>> {
    const { store, log } = this.#options;
    const { attempt } = request;
    // The errors of the secret box and of expressions name a secret, never its value.
    const message = `the secrets of the job cannot be had: ${error instanceof Error ? error.message : String(error)}`;
    log.error('secrets cannot be had', { attempt, message });
    const failed = await store.execute('fail-attempt', { ...request, message });
    return failed.ok ? refused('conflict', 'withdrawn', message) : failed;
  }

  #scheduleUpkeep(): void {
    const { clock } = this.#options;
    this.#cancelUpkeep = clock.after(UPKEEP_MS, () => {
      this.#cancelUpkeep = null;
      void this.#upkeep();
    });
  }

  /** Until there are no sessions any more; the next one begins it again. */
  async #upkeep(): Promise<void> {
    const { store, settings } = this.#options;
    const sessions = this.#sessions.takeSeen((session) => this.#desk.isHeld(session));
    if (sessions.length === 0) return;
    this.#scheduleUpkeep();
    const touched = await store.execute('touch-sessions', { sessions });
    if (touched.ok) this.#sessions.extend(sessions, settings.sessionTokenMs);
    if (!this.#isClosed) await this.#desk.dispatcher.recheck();
  }
}

function keyOf(spki: string, kind: 'ed25519' | 'x25519') {
  try {
    const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === kind ? key : null;
  } catch {
    // No key at all.
    return null;
  }
}

function refused(code: ApiErrorCode, reason: ApiErrorReason | null, message: string): { ok: false } & ApiResult<never> {
  return { ok: false, error: { code, reason, message, detail: null } };
}
