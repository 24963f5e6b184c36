/** What people and autoscalers ask about many runners: groups, registrations for one job, what a group needs. */
import { z } from 'zod';
import { repositoryNameSchema } from './run-api.ts';

export const groupNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'expected small letters, digits, `.`, `_`, `-`, not first one of those three');
export const tierSchema = z
  .enum(['trusted', 'untrusted'])
  .describe('Of whose runs: `untrusted` are those of pull requests from forks.');
const patternSchema = z
  .union([z.literal('*'), z.string().regex(/^[\w.-]{1,100}\/\*$/), repositoryNameSchema])
  .describe('`*`, `OWNER/*` or `OWNER/NAME`.');

/** `PUT /v1/groups/:group` */
export const groupRequestSchema = z.strictObject({
  tier: tierSchema.default('trusted'),
  repositories: z.array(patternSchema).max(1_000).default(['*']),
});
export const groupViewSchema = z.strictObject({
  name: z.string(),
  tier: tierSchema,
  repositories: z.array(z.string()),
  runners: z.number().int(),
});
export const groupListSchema = z.strictObject({ groups: z.array(groupViewSchema) });

/** As long as a machine may take to start. */
const JIT_SECONDS = 600;
const MAX_JIT_SECONDS = 24 * 60 * 60;
const runnerName = z.string().regex(/^[A-Za-z0-9][\w.-]{0,99}$/);
const labels = z.array(z.string().min(1).max(100)).max(100);

/** `POST /v1/runners/jit` */
export const jitRequestSchema = z.strictObject({
  name: runnerName.optional().describe('Default: one that nobody has.'),
  labels: labels.default([]).describe('Beside self-hosted, operating system and architecture.'),
  group: groupNameSchema.default('default'),
  expiresSeconds: z.number().int().positive().max(MAX_JIT_SECONDS).default(JIT_SECONDS).describe('To register.'),
});
export const jitReplySchema = z.strictObject({
  config: z.string().describe('For `paceline agent run --jit-file`, once. Shown only here.'),
  name: z.string(),
  expiresAt: z.iso.datetime({ precision: 3 }),
});

/** What a configuration for one job holds: JSON, in base64url. */
export const jitConfigSchema = z.object({
  version: z.literal(1),
  server: z.string(),
  token: z.string(),
  name: runnerName,
  labels,
});

/** `GET /v1/pools/:pool/demand`. A pool is a group. */
export const demandSchema = z.strictObject({
  pool: z.string(),
  /** Jobs in the queue that its runners could take, those that come later left out. */
  queued: z.number().int(),
  queues: z.array(
    z.strictObject({
      labels: z.array(z.string()),
      jobs: z.number().int(),
      /** Since when the oldest waits. */
      since: z.iso.datetime({ precision: 3 }),
    }),
  ),
  /** Jobs that its runners have. */
  running: z.number().int(),
  /** Runners by what they do. */
  runners: z.strictObject({
    idle: z.number().int(),
    busy: z.number().int(),
    paused: z.number().int(),
    draining: z.number().int(),
    unhealthy: z.number().int(),
    offline: z.number().int(),
  }),
  /** Slots that could take a job now. */
  freeSlots: z.number().int(),
  /** Registrations for one job that were given out and not used, and runners that have yet to connect. */
  starting: z.number().int(),
  /** How many more runners of one slot would leave no job waiting: 0 while enough are idle or starting. */
  wanted: z.number().int(),
});

export type GroupRequest = z.infer<typeof groupRequestSchema>;
export type GroupView = z.infer<typeof groupViewSchema>;
export type JitRequest = z.infer<typeof jitRequestSchema>;
export type JitReply = z.infer<typeof jitReplySchema>;
export type JitConfig = z.infer<typeof jitConfigSchema>;
export type PoolDemand = z.infer<typeof demandSchema>;
