/**
 * What happens during a run, in order, as it happens (`--events`: one JSON object a line). Import for types only, as
 * with report.ts.
 */
import { z } from 'zod';
import { flowRequestSchema, flowWishSchema } from './flow-request.ts';
import { annotationSchema, jobReportSchema, stepReportSchema } from './report.ts';

const stamp = { at: z.iso.datetime({ precision: 3 }) };
/** The job's key: `build`, `build.2`, `caller.build`. */
const job = { job: z.string() };

/** `pending`: declared, not reached. `queued`: a background step without a slot yet. */
export const stepStateSchema = z.enum(['pending', 'queued', 'running', 'cancelling', 'completed']);

export const jobEventSchema = z.discriminatedUnion('type', [
  z.strictObject({ ...stamp, ...job, type: z.literal('job-started'), name: z.string(), id: z.string() }),
  z.strictObject({ ...stamp, ...job, type: z.literal('step'), state: stepStateSchema, step: stepReportSchema }),
  z.strictObject({ ...stamp, ...job, type: z.literal('log'), step: z.number().int(), lines: z.array(z.string()) }),
  z.strictObject({
    ...stamp,
    ...job,
    type: z.literal('annotation'),
    step: z.number().int(),
    annotation: annotationSchema,
  }),
  /** A step asks something of the flow of its run; ids count up from 1 in the job. */
  z.strictObject({
    ...stamp,
    ...job,
    type: z.literal('flow-request'),
    id: z.number().int().positive(),
    request: flowRequestSchema,
    /** Why it was not done; absent where it was. */
    refused: z.string().optional(),
  }),
  z.strictObject({
    ...stamp,
    ...job,
    type: z.literal('job-completed'),
    report: jobReportSchema,
    /** What it asks of the flow with its end; absent for nothing. */
    wish: flowWishSchema.optional(),
  }),
]);

export const runEventSchema = z.discriminatedUnion('type', [
  z.strictObject({
    ...stamp,
    type: z.literal('run-started'),
    schema: z.literal(1),
    /** Of a server: from 2 for a re-run, of which jobs that stay as they are end at once. */
    attempt: z.number().int().optional(),
    workflow: z.strictObject({ name: z.string(), path: z.string() }),
    jobs: z.array(z.strictObject({ id: z.string(), name: z.string(), needs: z.array(z.string()) })),
  }),
  ...jobEventSchema.options,
  /** Of a server: the job may start as soon as a runner takes it. */
  z.strictObject({ ...stamp, ...job, type: z.literal('job-queued'), name: z.string(), id: z.string() }),
  /** Why a job, or on a server the whole run (null), does not go on yet. Over with the next event of the same. */
  z.strictObject({
    ...stamp,
    type: z.literal('waiting'),
    job: z.string().nullable(),
    /** Of a job; absent where it was told of before. */
    id: z.string().optional(),
    name: z.string().optional(),
    reason: z.string(),
  }),
  /** Of a server: nothing more of the run starts until it is resumed. */
  z.strictObject({ ...stamp, type: z.literal('run-paused'), paused: z.boolean() }),
  z.strictObject({
    ...stamp,
    type: z.literal('run-completed'),
    conclusion: z.enum(['success', 'failure', 'cancelled']),
  }),
]);

export type StepState = z.infer<typeof stepStateSchema>;
export type JobEvent = z.infer<typeof jobEventSchema>;
export type RunEvent = z.infer<typeof runEventSchema>;
