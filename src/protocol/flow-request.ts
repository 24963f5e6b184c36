/** What crosses processes of {@link FlowRequest} and {@link FlowWish}. Import for types only, as with report.ts. */
import { z } from 'zod';
import type { FlowRequest, FlowWish } from './flow-plan.ts';

const texts = z.record(z.string(), z.string());
const name = z.string().min(1).max(400);

export const flowRequestSchema: z.ZodType<FlowRequest> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('signal'),
    name,
    job: name.nullable(),
    data: z.string().nullable(),
    persistent: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal('add-instances'),
    job: name,
    items: z.array(z.record(z.string(), z.json())).min(1),
  }),
  z.strictObject({ kind: z.literal('cancel'), target: name }),
  z.strictObject({ kind: z.literal('complete'), job: name }),
  z.strictObject({ kind: z.literal('emit'), outputs: texts }),
]);

export const flowWishSchema: z.ZodType<FlowWish> = z.strictObject({
  goto: z.strictObject({ target: name, with: texts }).nullable(),
  retry: z.strictObject({ afterMs: z.number().nonnegative().nullable(), state: texts }).nullable(),
});
