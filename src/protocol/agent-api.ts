/**
 * What an agent asks of a server. The interface has two implementations: the client over HTTP in `agent`, and the
 * server's service behind its routes. The bodies are JSON; the schemas check them on arrival, on both sides.
 *
 * All times are durations in milliseconds: the clocks of two machines are never compared. Everything may be sent twice.
 * State is told as it is, not as what changed, so a lost answer costs a round trip and nothing else.
 */
import { z } from 'zod';
import type { ApiResult } from './api-error.ts';
import type { JobMessage } from './job-message.ts';

const text = z.string().min(1).max(500);
const labels = z.array(z.string().min(1).max(100)).max(100);
const features = z.array(z.string().max(100)).max(100);
const count = z.number().int().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{32}$/);

/** Steps are numbered without gaps: nobody has so many. What counts them has room for it in every format. */
export const MAX_STEP_NUMBER = 1_000_000;
const MAX_PROTOCOL_VERSION = 1_000_000;
export const MAX_NOTE_LENGTH = 500;
const step = z.number().int().min(0).max(MAX_STEP_NUMBER);

/** An {@link ApiError}; newer servers have reasons that we do not know. */
export const apiErrorSchema = z.object({
  code: z.enum(['invalid', 'unauthorized', 'not_found', 'conflict', 'unavailable', 'internal']),
  reason: z.string().nullable(),
  message: z.string(),
  detail: z.record(z.string(), z.unknown()).nullable(),
});

/** `POST /v1/runners`, bearer: a registration token. */
export const registerRequestSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,99}$/),
  labels,
  /** Ed25519, SPKI in base64: what the runner signs sessions with. */
  publicKey: text,
  /** X25519, SPKI in base64: what secrets are sealed to. */
  sealKey: text,
  ephemeral: z.boolean(),
  /** Take the name over from a runner that has no live session, or any when it is the same key. */
  replace: z.boolean(),
});
export const registerReplySchema = z.strictObject({ runner: text, name: text });

/** `POST /v1/nonces`, no token. */
export const nonceReplySchema = z.strictObject({ nonce: text });

/** `POST /v1/runners/:runner/unregister`, no token. `signature`: Ed25519 over `paceline-unregister\n` + nonce, base64. */
export const unregisterRequestSchema = z.strictObject({
  nonce: text,
  signature: text,
  /** Also while it has jobs, which are lost. */
  force: z.boolean(),
});

/** An attempt that the agent has on its disk. */
export const heldAttemptSchema = z.strictObject({
  attempt: text,
  fence: count,
  /** The journal's last record and its hash. */
  lastSeq: count,
  lastHash: hash,
  finished: z.boolean(),
});

/** `POST /v1/sessions`. `signature`: Ed25519 over `paceline-session\n` + nonce, base64. The newest session counts. */
export const sessionRequestSchema = z.strictObject({
  runner: text,
  nonce: text,
  signature: text,
  protocol: count.max(MAX_PROTOCOL_VERSION),
  version: text,
  features,
  machineId: text,
  bootId: text,
  slots: z.number().int().min(1).max(256),
  labels,
  ephemeral: z.boolean(),
  /** End a live session of another machine. */
  takeover: z.boolean(),
  attempts: z.array(heldAttemptSchema).max(10_000),
});
export const attemptVerdictSchema = z.strictObject({
  attempt: text,
  /**
   * `continue`: it is yours; send records from `ack` + 1 and logs from the offsets. `fenced`: somebody else's or over:
   * end it. `unknown`: never heard of: end it. `done`: the server has all of it, logs included.
   */
  verdict: z.enum(['continue', 'fenced', 'unknown', 'done']),
  ack: count,
  logs: z.array(z.strictObject({ step, durable: count })),
});
export const sessionReplySchema = z.strictObject({
  session: text,
  /** Bearer of everything else the agent asks; ends with the session. */
  token: text,
  tokenMs: count,
  protocol: count,
  features,
  /** Changes when the server's memory went back, as after a restore. */
  incarnation: text,
  leaseMs: count,
  renewMs: count,
  attempts: z.array(attemptVerdictSchema),
});

/** `POST /v1/sessions/:session/poll`: held until there is something to tell. One at a time for a session. */
export const pollRequestSchema = z.strictObject({
  freeSlots: z.number().int().min(0).max(256),
  /** False while draining or unhealthy: offers are withdrawn, cancellations still told. */
  takesWork: z.boolean(),
  /** Why it takes none, for people. Where both have the feature `poll-notes`. */
  note: z.string().max(MAX_NOTE_LENGTH).optional(),
  /** Every attempt the agent knows of: offered, accepted, running. Makes a repeated answer needless. */
  holding: z.array(z.strictObject({ attempt: text, fence: count, cancelling: z.boolean() })).max(10_000),
});
export const offerSchema = z.strictObject({
  attempt: text,
  fence: count,
  run: count,
  job: text,
  /** `owner/name`, or null for a run without a repository: what the agent's allow-list looks at. */
  repository: z.string().nullable(),
  /** To accept it. */
  expiresMs: count,
});
export const cancelSchema = z.strictObject({
  attempt: text,
  fence: count,
  cause: z.enum(['user', 'fail-fast', 'concurrency', 'withdrawn', 'timeout']),
  /** Ends the steps at once, without post steps. */
  force: z.boolean(),
});
export const pollReplySchema = z.strictObject({
  /** Those that `holding` has not. */
  offers: z.array(offerSchema),
  /** Those that `holding` has not as cancelling. */
  cancels: z.array(cancelSchema),
  /** Attempts in `holding` that are not the session's any more: to be ended. */
  fenced: z.array(text),
  paused: z.boolean(),
  /** The runner was removed, or its work is done (ephemeral): the agent ends. */
  leave: z.boolean(),
});

/** `POST /v1/attempts/:attempt/accept`. The same session and fence get the same answer again. */
export const fenceSchema = z.strictObject({ fence: count });
export const acceptReplySchema = z.strictObject({
  leaseMs: count,
  policy: z.enum(['at-most-once', 'exclusive']),
  /** A `JobMessage` without `contexts.secrets` and `masks`. */
  message: z.custom<UnsealedMessage>((value) => typeof value === 'object' && value !== null),
  /** {@link SealedSecrets}, sealed to the runner's key with the attempt's id as associated data. */
  sealed: z.string(),
});
export type UnsealedMessage = Omit<JobMessage, 'contexts' | 'masks'> & {
  readonly contexts: Omit<JobMessage['contexts'], 'secrets'>;
  /** What `actions/checkout` of the run's own repository is answered with; null: the run has none. */
  readonly checkout: {
    readonly repository: string;
    readonly url: string;
    readonly ref: string;
    readonly sha: string;
  } | null;
};
export interface SealedSecrets {
  readonly secrets: { readonly [name: string]: string };
  readonly masks: readonly string[];
  /** For the clone URL of the run's repository; null: none is needed. */
  readonly cloneToken: string | null;
}
/** `POST /v1/attempts/:attempt/decline`: back to the queue, or failed where no other agent would take it either. */
export const declineSchema = z.strictObject({ fence: count, reason: z.string().max(500), final: z.boolean() });

/** `POST /v1/sessions/:session/sync`: leases, records and commands of all attempts in one call. */
export const syncRequestSchema = z.strictObject({
  attempts: z
    .array(
      z.strictObject({
        attempt: text,
        fence: count,
        /** Number of the first record in `records`; with none, the next one to come. */
        from: z.number().int().min(1),
        /** The chain's hash before it. */
        before: hash,
        /** Texts of {@link AttemptRecord}s, without gaps. */
        records: z.array(z.string().max(4_000_000)).max(1_000),
        /** Bytes in the spool so far: the server tells people what is still to come. */
        logs: z.array(z.strictObject({ step, length: count })).max(10_000),
      }),
    )
    .max(10_000),
});
export const syncReplySchema = z.strictObject({
  attempts: z.array(
    z.strictObject({
      attempt: text,
      /**
       * `ok`: applied up to `ack`, durable. `gap`: `from` lies behind `ack` + 1; send from there. `fork`: same number,
       * other hash; the attempt is quarantined. `fenced`: end it. `illegal`: a record that the state does not allow.
       */
      result: z.enum(['ok', 'gap', 'fork', 'fenced', 'illegal']),
      ack: count,
      cancel: cancelSchema.pick({ cause: true, force: true }).nullable(),
      /** Somebody watches: send its logs at once. */
      live: z.boolean(),
    }),
  ),
  leaseMs: count,
  /** How often logs nobody watches are to be sent. */
  logIntervalMs: count,
});

/** `PATCH /v1/attempts/:attempt/logs/:step?offset=N`, raw bytes, `X-Fence`, `X-CRC32` (hex, of the bytes). */
export interface LogChunk {
  readonly attempt: string;
  readonly step: number;
  readonly fence: number;
  readonly offset: number;
  readonly crc32: string;
  readonly bytes: Uint8Array;
}
/** `Upload-Offset` and `Durable-Offset`. */
export interface LogReply {
  readonly received: number;
  /** What the agent may forget. */
  readonly durable: number;
}

/** Of one request at most. */
export const MAX_BATCH_CHUNKS = 100;
/**
 * `POST /v1/sessions/:session/logs`: chunks of several logs, of any attempts of the session; of each log one. The body is
 * as `log-batch.ts` has it. Where both have the feature `log-batches`.
 */
export const batchedChunkSchema = z.strictObject({
  attempt: text,
  step,
  fence: count,
  offset: count,
  /** Of the bytes, in hex. */
  crc32: z.string().regex(/^[0-9a-f]{8}$/),
  length: count,
});
/** For each chunk, in their order, what it would have been answered alone. */
export const logBatchReplySchema = z.strictObject({
  results: z.array(
    z.union([
      z.strictObject({ received: count, durable: count }),
      z.strictObject({
        error: apiErrorSchema,
      }),
    ]),
  ),
});

/** `POST /v1/sessions/:session/drain`: withdraws open offers; none is made any more. */
export const drainReplySchema = z.strictObject({ outstanding: z.array(text) });

export type RegisterRequest = z.infer<typeof registerRequestSchema>;
export type RegisterReply = z.infer<typeof registerReplySchema>;
export type UnregisterRequest = z.infer<typeof unregisterRequestSchema>;
export type HeldAttempt = z.infer<typeof heldAttemptSchema>;
export type SessionRequest = z.infer<typeof sessionRequestSchema>;
export type SessionReply = z.infer<typeof sessionReplySchema>;
export type AttemptVerdict = z.infer<typeof attemptVerdictSchema>;
export type PollRequest = z.infer<typeof pollRequestSchema>;
export type PollReply = z.infer<typeof pollReplySchema>;
export type Offer = z.infer<typeof offerSchema>;
export type Cancel = z.infer<typeof cancelSchema>;
export type AcceptReply = z.infer<typeof acceptReplySchema>;
export type DeclineRequest = z.infer<typeof declineSchema>;
export type SyncRequest = z.infer<typeof syncRequestSchema>;
export type SyncReply = z.infer<typeof syncReplySchema>;
export type DrainReply = z.infer<typeof drainReplySchema>;

/** What stands for a session: its id and its token. Calls of an attempt carry the id as `X-Session`. */
export interface SessionKey {
  readonly session: string;
  readonly token: string;
}

/** Never rejects but for the signal: what goes wrong is an `ApiError`, `network` where no answer came. */
export interface AgentApi {
  register(token: string, request: RegisterRequest): Promise<ApiResult<RegisterReply>>;
  nonce(): Promise<ApiResult<{ readonly nonce: string }>>;
  /** The runner is to be forgotten. `unauthorized`: the server does not know it, or not any more. */
  unregister(runner: string, request: UnregisterRequest): Promise<ApiResult<null>>;
  openSession(request: SessionRequest): Promise<ApiResult<SessionReply>>;
  closeSession(key: SessionKey): Promise<ApiResult<null>>;
  /** `null` when nothing came up while it was held. */
  poll(key: SessionKey, request: PollRequest, signal: AbortSignal): Promise<ApiResult<PollReply | null>>;
  accept(key: SessionKey, attempt: string, fence: number): Promise<ApiResult<AcceptReply>>;
  decline(key: SessionKey, attempt: string, request: DeclineRequest): Promise<ApiResult<null>>;
  sync(key: SessionKey, request: SyncRequest): Promise<ApiResult<SyncReply>>;
  appendLog(key: SessionKey, chunk: LogChunk): Promise<ApiResult<LogReply>>;
  /** Several at once, of different logs; see {@link batchedChunkSchema}. Answers in their order. */
  appendLogs(key: SessionKey, chunks: readonly LogChunk[]): Promise<ApiResult<readonly ApiResult<LogReply>[]>>;
  drain(key: SessionKey): Promise<ApiResult<DrainReply>>;
}
