import { annotation } from './own-annotation.ts';
import { plainEnd, type StepEnd } from './step-end.ts';
import type { StepLog } from './step-log.ts';
import type { StepRecord } from './step-record.ts';

/**
 * The end of a step that came upon a bug of ours, or upon a lost resource such as a full disk: it fails, and the job goes
 * on to its post steps. The log may be what is broken, or missing.
 */
export function endByInternalError(error: unknown, record: StepRecord, log: StepLog | null): StepEnd {
  try {
    if (log !== null) return internalError(error, log);
  } catch {
    // The annotation goes to the record without a line in the log.
  }
  record.annotate(internalAnnotation(error));
  return plainEnd('failure', 'internal-error');
}

export function internalError(error: unknown, log: StepLog): StepEnd {
  log.annotate(internalAnnotation(error));
  return plainEnd('failure', 'internal-error');
}

function internalAnnotation(error: unknown): ReturnType<typeof annotation> {
  return annotation('error', `Internal error of Paceline: ${error instanceof Error ? error.message : String(error)}`);
}
