/** Every value of the tracking variable that is ours begins so; see TRACKING_VARIABLE. */
const PREFIX = 'paceline_';

/** Up to the dot, so that job `7` is not mistaken for job `71`. */
export function belongsToJob(value: string | null, jobId: string): boolean {
  return value?.startsWith(`${PREFIX}${jobId}.`) ?? false;
}

/**
 * The known way to leave a job for good, as on GitHub's runner: a process whose variable was overwritten
 * (`RUNNER_TRACKING_ID="" nohup server &`). One without the variable (`env -i`) did not say that it wants to stay, and a
 * value of ours is a Paceline that runs inside a step.
 */
export function leftTheJob(value: string | null): boolean {
  return value !== null && !value.startsWith(PREFIX);
}
