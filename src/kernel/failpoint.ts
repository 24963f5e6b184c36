/**
 * Places at which a test ends the process as a power cut would: between a promise and its keeping. Named after what has
 * happened and what has not. In production each is a call that does nothing.
 */
export const FAILPOINTS = [
  'agent-after-accept',
  'agent-before-journal',
  'agent-after-journal',
  'agent-after-start-acknowledged',
  'agent-after-spawn',
  'agent-after-sync-answer',
  'agent-after-log-answer',
  'agent-before-finish-acknowledged',
  'server-before-commit',
  'server-after-commit',
  'server-after-log-write',
  'server-after-log-sync',
  'worker-after-step-journal',
  'worker-before-job-finished',
  'install-after-config',
  'install-after-environment',
  'install-after-keys',
  'install-after-register',
  'service-after-record',
  'service-after-unit',
  'service-after-enable',
  'service-before-give',
  'service-before-forget',
  'upgrade-after-journal',
  'upgrade-after-unpack',
  'upgrade-after-trial',
  'upgrade-after-intent',
  'upgrade-after-stop',
  'upgrade-after-swap',
  'upgrade-after-unit',
  'upgrade-before-start',
  'upgrade-before-end',
  'upgrade-before-return',
  'upgrade-after-return',
] as const;

export type FailpointName = (typeof FAILPOINTS)[number];

/** Called when the place is reached. */
export type Failpoint = (name: FailpointName) => void;

export const NO_FAILPOINT: Failpoint = () => undefined;

/**
 * Calls `strike` when the named place is reached for the nth time: `NAME` or `NAME:N`.
 * @throws RangeError for a name that there is not, or a number that is none.
 */
export function failpointAt(text: string, strike: () => void): Failpoint {
  const [name = '', count = '1'] = text.split(':');
  if (!FAILPOINTS.some((known) => known === name)) throw new RangeError(`there is no failpoint '${name}'`);
  let left = Number(count);
  if (!Number.isInteger(left) || left < 1) throw new RangeError(`'${count}' is no count of a failpoint`);
  return (reached) => {
    if (reached === name && --left === 0) strike();
  };
}
