import { z } from 'zod';
import { runEventSchema } from '../src/protocol/events.ts';
import {
  annotationSchema,
  diagnosticSchema,
  jobReportSchema,
  reportSchema,
  stepReportSchema,
} from '../src/protocol/report.ts';
import { runnerConfigSchema } from '../src/config/runner-config-schema.ts';
import { workflowSchema } from './workflow-schema.ts';

/** What is said once in a file and referred to. */
const NAMED = {
  Annotation: annotationSchema,
  Diagnostic: diagnosticSchema,
  StepReport: stepReportSchema,
  JobReport: jobReportSchema,
};

/** The JSON Schema files in `schemas/`, by name, made from the schemas in the code. */
export function schemaFiles(): Record<string, string> {
  for (const [id, schema] of Object.entries(NAMED)) z.globalRegistry.add(schema, { ...schema.meta(), id });
  const report = reportSchema.meta({
    title: 'Report of a Paceline run',
    description: 'What `paceline run --report FILE` writes.',
  });
  const event = runEventSchema.meta({
    title: 'Event of a Paceline run',
    description: 'One line of what `paceline run --events FILE` writes.',
  });
  return {
    'report.schema.json': textOf(z.toJSONSchema(report)),
    'events.schema.json': textOf(z.toJSONSchema(event)),
    'workflow.schema.json': textOf(workflowSchema()),
    // As people write it: keys with a default may be left out.
    'runner.config.schema.json': textOf(z.toJSONSchema(runnerConfigSchema, { io: 'input' })),
  };
}

function textOf(schema: object): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
