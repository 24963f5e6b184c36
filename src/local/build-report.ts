import { keySuffix } from '../flow/key-suffix.ts';
import type { RunConclusion } from '../protocol/conclusion.ts';
import type { Diagnostic } from '../protocol/diagnostic.ts';
import type { JobReport, Report, StepReport } from '../protocol/report.ts';
import type { JobView, RunModel } from './run-model.ts';

/** The report of a run from what is known of it; also of one that was cut short. */
export function buildReport(model: RunModel, diagnostics: readonly Diagnostic[], conclusion: RunConclusion): Report {
  return {
    schema: 1,
    workflow: { ...model.workflow },
    conclusion,
    startedAt: model.startedAt,
    completedAt: model.completedAt,
    diagnostics: diagnostics.map(({ severity, message, file, line, column }) => ({
      severity,
      message,
      file,
      line,
      column,
    })),
    jobs: model.jobs.map((job) => job.report ?? cutShort(job)),
  };
}

/** A job that nobody saw the end of: the run was ended around it. */
function cutShort(job: JobView): JobReport {
  const { iteration, attempt } = keySuffix(job.key);
  const instance = /\.(\d+)(?:~[r\d]+)?$/.exec(job.key)?.[1];
  return {
    id: job.id,
    name: job.name,
    instance: instance === undefined || job.id === job.key ? 0 : Number(instance),
    matrix: null,
    iteration,
    attempt,
    conclusion: 'cancelled',
    reason: 'cancelled-by-user',
    outputs: {},
    startedAt: job.startedAt,
    completedAt: null,
    steps: [...job.steps.values()].map(({ report }): StepReport => ended(report)),
  };
}

function ended(step: StepReport): StepReport {
  if (step.conclusion !== null) return step;
  return { ...step, outcome: 'cancelled', conclusion: 'cancelled', reason: 'job-cancelled' };
}
