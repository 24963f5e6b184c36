/**
 * The report of a run (`--report`), schema 1. Types are inferred from these schemas; the JSON Schema files in
 * `schemas/` are made from them. Import this file for its types only: what runs a job must not pay for loading zod.
 */
import { z } from 'zod';

const time = z.iso.datetime({ precision: 3 }).describe('UTC, ISO 8601 with milliseconds.');
const maybeTime = time.nullable();

export const annotationSchema = z.strictObject({
  level: z.enum(['error', 'warning', 'notice']),
  message: z.string(),
  title: z.string().nullable(),
  file: z.string().nullable(),
  line: z.number().int().nullable(),
  endLine: z.number().int().nullable(),
  column: z.number().int().nullable(),
  endColumn: z.number().int().nullable(),
});

export const diagnosticSchema = z.strictObject({
  severity: z.enum(['error', 'warning']),
  message: z.string(),
  file: z.string(),
  line: z.number().int(),
  column: z.number().int(),
});

export const stepReportSchema = z.strictObject({
  number: z.number().int().describe('1, 2, 3… in declared order; fixed before the step runs.'),
  id: z.string().nullable().describe('As written in the file; null for a generated id.'),
  name: z.string(),
  kind: z.enum(['run', 'uses', 'wait', 'wait-all', 'cancel', 'setup', 'post', 'hook']),
  phase: z.enum(['setup', 'pre', 'main', 'post', 'complete']),
  background: z.boolean(),
  group: z.string().nullable().describe('The `parallel` group of the step.'),
  targets: z.array(z.string()).describe('Ids a control step names or covers.'),
  outcome: z.enum(['success', 'failure', 'cancelled', 'skipped']).nullable(),
  conclusion: z.enum(['success', 'failure', 'cancelled', 'skipped']).nullable(),
  reason: z.string().nullable(),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  queuedAt: maybeTime,
  startedAt: maybeTime.describe('For a background step: when it got its slot; null if it never started.'),
  completedAt: maybeTime,
  outputs: z.record(z.string(), z.string()),
  annotations: z.array(annotationSchema),
  summary: z.string().nullable().describe('Markdown.'),
});

export const jobReportSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  instance: z.number().int().describe('0 without a matrix, else from 1.'),
  matrix: z.record(z.string(), z.unknown()).nullable(),
  iteration: z.number().int(),
  attempt: z.number().int(),
  conclusion: z.enum(['success', 'failure', 'cancelled', 'skipped', 'withdrawn']),
  reason: z.string().nullable(),
  outputs: z.record(z.string(), z.string()),
  startedAt: maybeTime,
  completedAt: maybeTime,
  steps: z.array(stepReportSchema),
});

export const reportSchema = z.strictObject({
  schema: z.literal(1),
  workflow: z.strictObject({ name: z.string(), path: z.string() }),
  conclusion: z.enum(['success', 'failure', 'cancelled']),
  startedAt: maybeTime,
  completedAt: maybeTime,
  diagnostics: z.array(diagnosticSchema),
  jobs: z.array(jobReportSchema),
});

export type Annotation = z.infer<typeof annotationSchema>;
export type StepReport = z.infer<typeof stepReportSchema>;
export type JobReport = z.infer<typeof jobReportSchema>;
export type Report = z.infer<typeof reportSchema>;
