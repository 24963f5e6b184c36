import type { JobReport, StepReport } from '../protocol/report.ts';

/** What hides secrets in a text. */
export interface TextMask {
  mask(text: string): string;
}

/**
 * The second line of defence for what is written for programs: the worker masks what steps say; names, outputs and
 * matrix values that hold a secret of the command line are masked here. Ids, numbers and conclusions stay, or no
 * program could read the report.
 */
export function maskJobReport(report: JobReport, mask: TextMask): JobReport {
  return {
    ...report,
    name: mask.mask(report.name),
    matrix: report.matrix === null ? null : (maskValue(report.matrix, mask) as JobReport['matrix']),
    outputs: maskMap(report.outputs, mask),
    steps: report.steps.map((step) => maskStepReport(step, mask)),
  };
}

export function maskStepReport(step: StepReport, mask: TextMask): StepReport {
  return {
    ...step,
    name: mask.mask(step.name),
    outputs: maskMap(step.outputs, mask),
    summary: step.summary === null ? null : mask.mask(step.summary),
    annotations: step.annotations.map((annotation) => ({
      ...annotation,
      message: mask.mask(annotation.message),
      title: annotation.title === null ? null : mask.mask(annotation.title),
    })),
  };
}

function maskMap(map: Readonly<Record<string, string>>, mask: TextMask): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, mask.mask(value)]));
}

function maskValue(value: unknown, mask: TextMask): unknown {
  if (typeof value === 'string') return mask.mask(value);
  if (Array.isArray(value)) return value.map((item) => maskValue(item, mask));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskValue(item, mask)]));
}
