/**
 * What people and programs ask of a server: `/v1/…` beside the agents' part. The OpenAPI document is made from these
 * schemas. Lists are newest first, with `cursor` for what follows.
 */
import { z } from 'zod';
import { diagnosticSchema, jobReportSchema, stepReportSchema } from './report.ts';
import { stepStateSchema } from './events.ts';

const time = z.iso.datetime({ precision: 3 });
const text = z.string().max(1_000);
export const repositoryNameSchema = z.string().regex(/^[\w.-]{1,100}\/[\w.-]{1,100}$/, 'expected OWNER/NAME');

/**
 * What git takes: by https, http, ssh, git or file, as `user@host:path`, or a folder; not the transports by which git
 * starts programs (`ext::…`). Whoever is to read it stands in the secret GITHUB_TOKEN, encrypted, and never in here.
 */
export const cloneUrlSchema = text.regex(
  /^(?!https?:\/\/[^/?#]*@)(?![a-z+]+:\/\/[^/?#]*:[^/?#]*@)(?!-)(?:(?:https?|ssh|git|file):\/\/|\/|[^:/]+:(?!:|\/\/))\P{Cc}+$/iu,
  'expected a URL that git takes (https, http, ssh, git, file), without user and password: set the secret GITHUB_TOKEN instead',
);

/** `POST /v1/runs`. Answered with {@link submitReplySchema}; 400 with diagnostics for a workflow with errors. */
export const submitRequestSchema = z
  .strictObject({
    /** A workflow as a file, with the local workflows that it calls by their path (`./.github/workflows/x.yml`). */
    workflow: z
      .strictObject({ path: text, text: z.string(), files: z.record(z.string(), z.string()).default({}) })
      .optional(),
    /** Registered, or with `cloneUrl`. Without `workflow`, its workflows at `ref` that `event` triggers are run. */
    repository: repositoryNameSchema.optional(),
    cloneUrl: cloneUrlSchema.optional(),
    ref: text.optional().describe('Branch, tag, or full ref; default: the default branch.'),
    sha: z
      .string()
      .regex(/^[0-9a-f]{40,64}$/)
      .optional(),
    event: text.default('push'),
    payload: z.record(z.string(), z.unknown()).default({}),
    inputs: z.record(z.string(), z.string()).default({}),
    /** Only this job and what it needs. */
    job: text.optional(),
    priority: z.number().int().min(-1_000).max(1_000).default(0),
    /** `loss` for jobs that may not run twice at once, such as deployments: ids of jobs, or `*`. */
    exclusive: z.array(text).max(1_000).default([]),
    /** Once per repository: a second submission with the same key answers with the first one's runs. */
    dedupeKey: z.string().max(200).optional(),
  })
  .refine(({ workflow, repository }) => workflow !== undefined || repository !== undefined, {
    message: 'either a workflow or a repository is needed',
  });

export const runStateSchema = z.enum(['waiting', 'running', 'completed']);
export const runSummarySchema = z.strictObject({
  id: z.number().int(),
  name: z.string(),
  path: z.string(),
  repository: z.string().nullable(),
  event: z.string(),
  ref: z.string().nullable(),
  sha: z.string().nullable(),
  actor: z.string(),
  state: runStateSchema,
  /** Why it waits, such as `concurrency group 'deploy' is held by run 12`. */
  waiting: z.string().nullable(),
  /** Nothing more of it starts until somebody resumes it. */
  paused: z.boolean(),
  conclusion: z.enum(['success', 'failure', 'cancelled']).nullable(),
  cancelling: z.boolean(),
  /** 1 for the first, one more for every re-run of the whole or of its failed jobs. */
  attempt: z.number().int(),
  createdAt: time,
  startedAt: time.nullable(),
  completedAt: time.nullable(),
});
export const submitReplySchema = z.strictObject({
  runs: z.array(runSummarySchema),
  diagnostics: z.array(diagnosticSchema),
});

/** What keeps a job that could start otherwise. */
export const waitsForSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('signal'),
    names: z.array(z.string()),
    from: z.array(z.string()).describe('Users who may send it; empty: everybody who may send signals.'),
  }),
  z.strictObject({ kind: z.literal('milestone'), job: z.string(), state: z.string() }),
  z.strictObject({ kind: z.literal('lock'), lock: z.string(), holder: z.string() }),
  z.strictObject({ kind: z.literal('time'), why: z.enum(['start-at', 'retry', 'delay']) }),
  z.strictObject({ kind: z.literal('instances') }),
]);

export const jobStateSchema = z.enum(['waiting', 'queued', 'running', 'completed']);
export const jobViewSchema = z.strictObject({
  /** `build`, `build.2`, `caller.build`. */
  key: z.string(),
  id: z.string(),
  name: z.string(),
  instance: z.number().int(),
  matrix: z.record(z.string(), z.unknown()).nullable(),
  needs: z.array(z.string()),
  /** From 1: how many times the job was begun. */
  iteration: z.number().int(),
  state: jobStateSchema,
  /** Why it has not started: `needs build`, `no runner has the labels gpu, linux`, `all 3 runners with … are busy`… */
  waiting: z.string().nullable(),
  waitsFor: waitsForSchema.nullable(),
  conclusion: jobReportSchema.shape.conclusion.nullable(),
  reason: z.string().nullable(),
  message: z.string().nullable(),
  outputs: z.record(z.string(), z.string()),
  /** Tries so far, by `retry` and after the loss of a runner; 0 before the first. */
  attempt: z.number().int(),
  /** Public id of the current attempt, which logs go by. */
  attemptId: z.string().nullable(),
  /** `queued`… as of the attempt, such as `disconnected`. */
  attemptState: z.string().nullable(),
  runner: z.string().nullable(),
  labels: z.array(z.string()),
  queuedAt: time.nullable(),
  startedAt: time.nullable(),
  completedAt: time.nullable(),
  steps: z.array(
    z.strictObject({
      state: stepStateSchema,
      step: stepReportSchema,
      log: z.strictObject({ length: z.number().int(), lines: z.number().int(), sealed: z.boolean() }).nullable(),
    }),
  ),
});
export const runViewSchema = runSummarySchema.extend({
  jobs: z.array(jobViewSchema),
  diagnostics: z.array(diagnosticSchema),
});

/** Of whoever asks: the same id again changes nothing. The header `Idempotency-Key` is one too. */
const requestId = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'expected 1 to 200 printable characters without spaces')
  .optional();

const signalText = z.string().regex(/^.{1,400}$/s, 'expected 1 to 400 characters');

/** `POST /v1/runs/:run/signals` */
export const signalRequestSchema = z.strictObject({
  name: signalText,
  /** Only for this job, by id or key; default: for whichever waits for it. */
  job: signalText.optional(),
  data: z.unknown().optional().describe('Text as it is, anything else as JSON: `flow.signal.data`.'),
  persistent: z.boolean().default(true).describe('False: only for a job that waits now; refused where none does.'),
  requestId,
});
/** `POST /v1/runs/:run/jobs/:job/instances` */
export const instancesRequestSchema = z
  .strictObject({
    items: z
      .array(z.record(z.string(), z.unknown()))
      .min(1)
      .max(1_000)
      .default([{}])
      .describe('The `matrix` context of each.'),
    requestId,
  })
  .default({ items: [{}] });
/** What says all by its path. */
export const plainRequestSchema = z.strictObject({ requestId }).default({});

/** One entry of `GET /v1/runs/:run/logs/search`, NDJSON. Lines count from 1. */
export const logHitSchema = z.strictObject({
  job: z.string(),
  step: z.number().int(),
  line: z.number().int(),
  text: z.string(),
});
/** The last line of a search: whether that was all. */
export const logSearchEndSchema = z.strictObject({ end: z.enum(['complete', 'limit', 'time']) });

export const runnerViewSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  labels: z.array(z.string()),
  group: z.string(),
  /** `unhealthy`: its agent says that it takes no work now. */
  state: z.enum(['idle', 'busy', 'paused', 'draining', 'unhealthy', 'offline']),
  /** Why it is unhealthy, as its agent says. */
  note: z.string().nullable(),
  ephemeral: z.boolean(),
  version: z.string().nullable(),
  slots: z.number().int(),
  busy: z.number().int(),
  lastSeenAt: time.nullable(),
});

export const SCOPES = [
  'admin',
  'runs:read',
  'runs:write',
  'runs:signal',
  'secrets:write',
  'runners:read',
  'runners:write',
  'runners:jit',
  'tokens:write',
  'audit:read',
] as const;
export const scopeSchema = z.enum(SCOPES);

/** A hundred years: what is longer is meant to be for ever. */
const MAX_TOKEN_SECONDS = 100 * 365 * 24 * 60 * 60;
const MAX_TOKEN_USES = 1_000_000;

/** People read it in audits, and approvals go by it: what is not seen in it would make two names look like one. */
export const tokenNameSchema = z
  .string()
  .regex(
    /^(?!\s)[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,100}(?<!\s)$/u,
    'expected 1 to 100 characters that can be seen, with no space first or last',
  );

export const tokenRequestSchema = z.strictObject({
  name: tokenNameSchema,
  kind: z.enum(['user', 'registration']).default('user'),
  scopes: z.array(scopeSchema).default([]),
  /** Null: never. A registration token: at most 30 days. */
  expiresSeconds: z.number().int().positive().max(MAX_TOKEN_SECONDS).nullable().default(null),
  /**
   * Of a registration token: the group that its runners are in; default: `default`. Of a user token with `runners:jit`,
   * and `runners:read` at most: the only group that it makes runners of.
   */
  group: z.string().max(100).optional(),
  /** Registrations it is good for. */
  uses: z.number().int().positive().max(MAX_TOKEN_USES).nullable().default(null),
});
export const tokenViewSchema = z.strictObject({
  id: z.number().int(),
  name: z.string(),
  kind: z.string(),
  scopes: z.array(z.string()),
  createdAt: time,
  expiresAt: time.nullable(),
  lastUsedAt: time.nullable(),
  revokedAt: time.nullable(),
  group: z.string().nullable().default(null).describe('Of the runners that it makes; null: any, or `default`.'),
  usesLeft: z.number().int().nullable().default(null).describe('Registrations it is good for; null: without limit.'),
});

export const auditEntrySchema = z.strictObject({
  id: z.number().int(),
  at: time,
  actor: z.string(),
  action: z.string(),
  target: z.string(),
  detail: z.record(z.string(), z.unknown()),
});

export type SubmitRequest = z.infer<typeof submitRequestSchema>;
export type SubmitReply = z.infer<typeof submitReplySchema>;
export type RunSummary = z.infer<typeof runSummarySchema>;
export type SignalRequest = z.input<typeof signalRequestSchema>;
export type RunView = z.infer<typeof runViewSchema>;
export type JobView = z.infer<typeof jobViewSchema>;
export type LogHit = z.infer<typeof logHitSchema>;
export type LogSearchEnd = z.infer<typeof logSearchEndSchema>;
export type RunnerView = z.infer<typeof runnerViewSchema>;
export type TokenRequest = z.infer<typeof tokenRequestSchema>;
export type TokenView = z.infer<typeof tokenViewSchema>;
export type AuditEntry = z.infer<typeof auditEntrySchema>;
export type Scope = (typeof SCOPES)[number];
