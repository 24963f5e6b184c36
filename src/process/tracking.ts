/**
 * The value of the tracking variable: which job a process belongs to, and which step. Steps of the same job are told
 * apart by what follows the last dot, so `paceline_7.1` is not mistaken for `paceline_7.12`.
 */
const PREFIX = 'paceline_';

/** For one step (`step` is its number in the report). `jobId` is unique for ever and has no dot at its end. */
export function trackingValue(jobId: string, step: number | string): string {
  return `${jobPrefix(jobId)}${step}`;
}

export function belongsToJob(value: string | null, jobId: string): boolean {
  return value?.startsWith(jobPrefix(jobId)) ?? false;
}

/**
 * The known way to leave a job for good, as on GitHub's runner: a process whose variable was overwritten
 * (`RUNNER_TRACKING_ID="" nohup server &`). One without the variable (`env -i`) did not say that it wants to stay, and a
 * value of ours is a Paceline that runs inside a step.
 */
export function leftTheJob(value: string | null): boolean {
  return value !== null && !value.startsWith(PREFIX);
}

function jobPrefix(jobId: string): string {
  return `${PREFIX}${jobId}.`;
}
