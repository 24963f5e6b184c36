/**
 * What a worker reports of an attempt, in order; the payload of a journal frame and of a `sync`. One JSON object, sent
 * byte by byte as it was written, so that both ends compute the same chain of hashes. Import for types only where zod
 * is not loaded otherwise.
 */
import { z } from 'zod';
import { stepStateSchema } from './events.ts';
import { flowRequestSchema, flowWishSchema } from './flow-request.ts';
import { annotationSchema, stepReportSchema } from './report.ts';

const at = z.iso.datetime({ precision: 3 });

export const attemptRecordSchema = z.discriminatedUnion('kind', [
  /** Always the first; on disk and acknowledged before the worker is started. */
  z.strictObject({ kind: z.literal('job-started'), at }),
  /** The whole step as it stands; its log is named by its number. */
  z.strictObject({ kind: z.literal('step'), at, state: stepStateSchema, step: stepReportSchema }),
  z.strictObject({ kind: z.literal('annotation'), at, step: z.number().int(), annotation: annotationSchema }),
  /** The log of a step has its end. `hash`: SHA-256 of all its bytes, hex. `cut`: something was left out, and why. */
  z.strictObject({
    kind: z.literal('log-sealed'),
    at,
    step: z.number().int(),
    length: z.number().int().nonnegative(),
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    cut: z.enum(['limit', 'disk-full']).nullable(),
  }),
  /** A step asks something of the flow of its run; ids count up from 1 in the attempt. */
  z.strictObject({
    kind: z.literal('flow-request'),
    at,
    id: z.number().int().positive(),
    request: flowRequestSchema,
  }),
  /** Always the last. Refused while a step is not completed. */
  z.strictObject({
    kind: z.literal('job-finished'),
    at,
    conclusion: z.enum(['success', 'failure', 'cancelled']),
    reason: z.string().nullable(),
    /** Set where the agent speaks for a worker that cannot: {@link LossCause}. */
    lost: z
      .enum(['lease-expired', 'worker-crashed', 'runner-rebooted', 'runner-died', 'agent-refused', 'disk-full'])
      .nullable(),
    outputs: z.record(z.string(), z.string()),
    startedAt: at.nullable(),
    completedAt: at.nullable(),
    /** What the job asks of the flow with its end; absent for nothing. */
    wish: flowWishSchema.optional(),
  }),
]);

export type AttemptRecord = z.infer<typeof attemptRecordSchema>;
