import { z } from 'zod';
import type { PersonRequest } from '../../flow/flow-event.ts';
import type { FlowRequest } from '../../protocol/flow-plan.ts';
import type { TemplateMap } from '../../protocol/plan.ts';
import {
  instancesRequestSchema,
  plainRequestSchema,
  runSummarySchema,
  signalRequestSchema,
} from '../../protocol/run-api.ts';
import type { RunSummary } from '../../protocol/run-api.ts';
import type { RunService } from '../runs/run-service.ts';
import { unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Access, Call, Endpoint } from './endpoint.ts';
import { SMALL_BODY_BYTES } from './read-body.ts';

const writes: Access = { kind: 'scope', scope: 'runs:write' };
/** Whoever approves need not be allowed to start or to cancel anything. */
const signals: Access = { kind: 'scope', scope: 'runs:signal', or: ['runs:write'] };

const run = z.coerce.number().int();
const key = z.string().min(1).max(400);
const ofRun = z.strictObject({ run });
const ofJob = z.strictObject({ run, job: key });
const ofRegion = z.strictObject({ run, region: key });

/** What people ask of a run while it goes on. All of it is refused with 409 and a sentence where it makes no sense. */
export function flowEndpoints(runs: RunService): Endpoint[] {
  const ask = async <Params extends { readonly run: number }>(
    { params, body, caller, header }: Call<Params, unknown, { readonly requestId?: string | undefined }>,
    request: FlowRequest | PersonRequest,
  ): Promise<RunSummary> => {
    const requestId = body.requestId ?? header('idempotency-key') ?? null;
    return unwrap(await runs.ask({ run: params.run, requestId, request, user: caller.name, actor: caller.actor }));
  };
  const asked = { reply: { kind: 'json', schema: runSummarySchema, status: 202 }, errors: [404, 409] } as const;
  const plain = { kind: 'json', schema: plainRequestSchema, maxBytes: SMALL_BODY_BYTES, optional: true } as const;
  return [
    endpoint({
      method: 'post',
      path: '/v1/runs/{run}/signals',
      summary: 'Sends a signal to a run, or to one job of it: an approval is one.',
      access: signals,
      params: ofRun,
      body: { kind: 'json', schema: signalRequestSchema, maxBytes: SMALL_BODY_BYTES },
      ...asked,
      idempotent: true,
      handle: (call) => {
        const { name, job = null, data = null, persistent } = call.body;
        const text = data === null || typeof data === 'string' ? data : JSON.stringify(data);
        return ask(call, { kind: 'signal', name, job, data: text, persistent });
      },
    }),
    endpoint({
      method: 'post',
      path: '/v1/runs/{run}/jobs/{job}/cancel',
      summary: 'Cancels a job of a run, by its key: all instances of it that have not ended.',
      access: writes,
      params: ofJob,
      body: plain,
      ...asked,
      idempotent: true,
      handle: (call) => ask(call, { kind: 'cancel', target: call.params.job }),
    }),
    endpoint({
      method: 'post',
      path: '/v1/runs/{run}/jobs/{job}/complete',
      summary: 'Declares a job complete: what of it has not ended is withdrawn, and the run goes on.',
      access: writes,
      params: ofJob,
      body: plain,
      ...asked,
      idempotent: true,
      handle: (call) => ask(call, { kind: 'complete', job: call.params.job }),
    }),
    endpoint({
      method: 'post',
      path: '/v1/runs/{run}/jobs/{job}/instances',
      summary: 'Adds instances to a job with `strategy.dynamic`.',
      access: writes,
      params: ofJob,
      body: { kind: 'json', schema: instancesRequestSchema, maxBytes: SMALL_BODY_BYTES, optional: true },
      ...asked,
      idempotent: true,
      handle: (call) => {
        // The body was JSON.
        const items = call.body.items as readonly TemplateMap[];
        return ask(call, { kind: 'add-instances', job: call.params.job, items });
      },
    }),
    endpoint({
      method: 'post',
      path: '/v1/runs/{run}/regions/{region}/cancel',
      summary: 'Cancels the jobs of a region that have not ended.',
      access: writes,
      params: ofRegion,
      body: plain,
      ...asked,
      idempotent: true,
      handle: (call) => ask(call, { kind: 'cancel', target: `region:${call.params.region}` }),
    }),
    ...(['pause', 'resume'] as const).map((kind) =>
      endpoint({
        method: 'post',
        path: `/v1/runs/{run}/${kind}`,
        summary:
          kind === 'pause' ? 'Starts nothing more of a run; what runs goes on.' : 'Lets a run that is paused go on.',
        access: writes,
        params: ofRun,
        body: plain,
        ...asked,
        idempotent: true,
        handle: (call: Call<{ run: number }, undefined, z.output<typeof plainRequestSchema>>) => ask(call, { kind }),
      }),
    ),
  ];
}
