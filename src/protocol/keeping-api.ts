/**
 * What a server keeps beside runs: tokens, secrets, variables, repositories, the audit. Secrets and variables belong to
 * the server or, with `?repository=OWNER/NAME`, to a repository, whose own outrank the server's.
 */
import { z } from 'zod';
import {
  auditEntrySchema,
  cloneUrlSchema,
  repositoryNameSchema,
  runnerViewSchema,
  tokenViewSchema,
} from './run-api.ts';

/** As GitHub has it: 48 KB. */
const MAX_VALUE_LENGTH = 48 * 1024;
const MAX_PAGE = 1_000;
const time = z.iso.datetime({ precision: 3 });

/** What GitHub takes: letters, digits, `_`; not first a digit; not `GITHUB_…`. Stored in capitals. */
export const secretNameSchema = z
  .string()
  .regex(
    /^(?!GITHUB_)(?!\d)\w{1,200}$/i,
    'expected letters, digits and _, not first a digit, and nothing that begins with GITHUB_',
  );

export const pageSchema = z.strictObject({
  cursor: z.coerce.number().int().positive().optional().describe('The `cursor` of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
});
const cursor = z.number().int().nullable().describe('Of what follows; null: nothing does.');

/** `POST /v1/tokens` */
export const newTokenSchema = z.strictObject({ token: z.string().describe('Shown only here.'), view: tokenViewSchema });
export const tokenListSchema = z.strictObject({ tokens: z.array(tokenViewSchema), cursor });

/** `PUT /v1/secrets/NAME` */
export const secretRequestSchema = z.strictObject({ value: z.string().min(1).max(MAX_VALUE_LENGTH) });
export const secretViewSchema = z.strictObject({ name: z.string(), version: z.number().int(), updatedAt: time });
export const secretListSchema = z.strictObject({ secrets: z.array(secretViewSchema) });

/** `PUT /v1/variables/NAME` */
export const variableRequestSchema = z.strictObject({ value: z.string().max(MAX_VALUE_LENGTH) });
export const variableViewSchema = z.strictObject({ name: z.string(), value: z.string(), updatedAt: time });
export const variableListSchema = z.strictObject({ variables: z.array(variableViewSchema) });

export const scopeQuerySchema = z.strictObject({ repository: repositoryNameSchema.optional() });

/** `PUT /v1/repositories/OWNER/NAME` */
export const repositoryRequestSchema = z.strictObject({
  cloneUrl: cloneUrlSchema.nullable().default(null).describe("Null: OWNER/NAME below the server's actions.baseUrl."),
  defaultBranch: z.string().min(1).max(255).nullable().default(null),
});
export const repositoryViewSchema = z.strictObject({
  name: z.string(),
  cloneUrl: z.string(),
  defaultBranch: z.string().nullable(),
  createdAt: time,
});
export const repositoryListSchema = z.strictObject({ repositories: z.array(repositoryViewSchema) });

export const runnerListSchema = z.strictObject({ runners: z.array(runnerViewSchema) });
/** `GET /v1/audit`: what fits all that is given. */
export const auditQuerySchema = pageSchema.extend({
  since: time.optional().describe('Not older than this.'),
  actor: z.string().min(1).optional().describe('By them: as the entries say it, or without the number of the token.'),
  action: z.string().min(1).optional().describe('`run.cancel`, or `run` for all that was done to runs.'),
});
export const auditListSchema = z.strictObject({ entries: z.array(auditEntrySchema), cursor });

export type NewToken = z.infer<typeof newTokenSchema>;
export type TokenList = z.infer<typeof tokenListSchema>;
export type SecretView = z.infer<typeof secretViewSchema>;
export type VariableView = z.infer<typeof variableViewSchema>;
export type RepositoryView = z.infer<typeof repositoryViewSchema>;
export type AuditList = z.infer<typeof auditListSchema>;
export type RunnerList = z.infer<typeof runnerListSchema>;
