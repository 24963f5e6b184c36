import { z } from 'zod';
import {
  runStateSchema,
  runSummarySchema,
  runViewSchema,
  submitReplySchema,
  submitRequestSchema,
} from '../../protocol/run-api.ts';
import type { SubmitRequest } from '../../protocol/run-api.ts';
import type { RunService } from '../runs/run-service.ts';
import { failure, unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Access, Endpoint } from './endpoint.ts';
import { ordinal } from './ordinal.ts';
import { size, SMALL_BODY_BYTES } from './read-body.ts';

const MB = 1024 * 1024;
/** Of one submission: a workflow and those that it calls. What is larger is refused before it is looked at. */
const MAX_SUBMISSION_WORKFLOWS = 8;
/** What JSON makes of a text at most, and the payload. */
const SUBMISSION_SLACK_BYTES = 8 * MB;

const reads: Access = { kind: 'scope', scope: 'runs:read' };
const writes: Access = { kind: 'scope', scope: 'runs:write' };
const params = z.strictObject({ run: z.coerce.number().int() });

const listQuery = z.strictObject({
  repository: z.string().max(201).optional(),
  state: runStateSchema.optional(),
  event: z.string().max(100).optional(),
  ref: z.string().max(1_000).optional(),
  cursor: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
});
const listSchema = z.strictObject({ runs: z.array(runSummarySchema), cursor: z.number().int().nullable() });
const cancelSchema = z
  .strictObject({ force: z.boolean().default(false).describe('Ends the steps at once, without post steps.') })
  .default({ force: false });
const rerunSchema = z
  .strictObject({
    jobs: z.enum(['all', 'failed']).default('all').describe('`failed`: and cancelled ones, and what needs them.'),
  })
  .default({ jobs: 'all' });

/** Submit, list, show, cancel, re-run. */
export function runEndpoints(runs: RunService, { maxWorkflowMb }: { readonly maxWorkflowMb: number }): Endpoint[] {
  const maxWorkflowBytes = maxWorkflowMb * MB;
  return [
    endpoint({
      method: 'post',
      path: '/v1/runs',
      summary: 'Runs a workflow: a file, or those of a repository that an event triggers.',
      access: writes,
      body: {
        kind: 'json',
        schema: submitRequestSchema,
        maxBytes: MAX_SUBMISSION_WORKFLOWS * maxWorkflowBytes + SUBMISSION_SLACK_BYTES,
      },
      reply: { kind: 'json', schema: submitReplySchema, status: 201 },
      errors: [404, 409],
      idempotent: true,
      handle: async ({ body, caller, signal }) => {
        demandSize(body, maxWorkflowBytes);
        return unwrap(await runs.submit(body, caller, signal));
      },
    }),
    endpoint({
      method: 'get',
      path: '/v1/runs',
      summary: 'Runs, newest first.',
      access: reads,
      query: listQuery,
      reply: { kind: 'json', schema: listSchema, status: 200 },
      errors: [],
      handle: async ({ query }) => unwrap(await runs.list(withoutUndefined(query))),
    }),
    endpoint({
      method: 'get',
      path: '/v1/runs/{run}',
      summary: 'A run with its jobs and steps, and why they wait.',
      access: reads,
      params,
      query: z.strictObject({ attempt: ordinal.optional() }),
      reply: { kind: 'json', schema: runViewSchema, status: 200 },
      errors: [404],
      handle: async ({ params, query }) => unwrap(await runs.show(params.run, query.attempt ?? null)),
    }),
    endpoint({
      method: 'post',
      path: '/v1/runs/{run}/cancel',
      summary: 'Cancels a run; its post steps still run unless it is forced.',
      access: writes,
      params,
      body: { kind: 'json', schema: cancelSchema, maxBytes: SMALL_BODY_BYTES, optional: true },
      reply: { kind: 'json', schema: runSummarySchema, status: 202 },
      errors: [404, 409],
      idempotent: true,
      handle: async ({ params, body, caller }) => unwrap(await runs.cancel(params.run, body, caller.actor)),
    }),
    endpoint({
      method: 'post',
      path: '/v1/runs/{run}/rerun',
      summary: 'Runs a run that has ended again, all of it or what failed.',
      access: writes,
      params,
      body: { kind: 'json', schema: rerunSchema, maxBytes: SMALL_BODY_BYTES, optional: true },
      reply: { kind: 'json', schema: runSummarySchema, status: 201 },
      errors: [404, 409],
      idempotent: true,
      handle: async ({ params, body, caller }) => unwrap(await runs.rerun(params.run, body.jobs, caller.actor)),
    }),
  ];
}

function demandSize({ workflow }: SubmitRequest, limit: number): void {
  if (!workflow) return;
  for (const [path, text] of [[workflow.path, workflow.text] as const, ...Object.entries(workflow.files)]) {
    const bytes = Buffer.byteLength(text);
    if (bytes > limit)
      throw failure(
        'invalid',
        'too-large',
        `the workflow ${path} has ${size(bytes)}; at most ${size(limit)} are taken (server.maxWorkflowMb)`,
        { limit, size: bytes },
      );
  }
}

/** Optional keys are left out, as the service's filter has them. */
function withoutUndefined(query: z.output<typeof listQuery>): Parameters<RunService['list']>[0] {
  const { limit, repository, state, event, ref, cursor } = query;
  return {
    limit,
    ...(repository === undefined ? {} : { repository }),
    ...(state === undefined ? {} : { state }),
    ...(event === undefined ? {} : { event }),
    ...(ref === undefined ? {} : { ref }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}
