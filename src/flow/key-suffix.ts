/** Which iteration of its job, and which attempt of it, a key names: `build` is 1 and 1, `build.2~3r2` is 3 and 2. */
export function keySuffix(key: string): { readonly iteration: number; readonly attempt: number } {
  const found = SUFFIX.exec(key);
  return { iteration: Number(found?.[1] ?? 1), attempt: Number(found?.[2] ?? 1) };
}

/** The key of the first attempt of the same iteration. */
export function firstAttempt(key: string): string {
  return key.replace(SUFFIX, (_, iteration: string | undefined) => (iteration === undefined ? '' : `~${iteration}`));
}

/** The key of the job, in the same iteration, that an instance belongs to: `build~3` of `build.2~3r2`. */
export function keyOfJob(key: string, instance: number): string {
  const { iteration } = keySuffix(key);
  const bare = key.replace(SUFFIX, '');
  const number = `.${instance}`;
  const job = instance > 0 && bare.endsWith(number) ? bare.slice(0, -number.length) : bare;
  return iteration > 1 ? `${job}~${iteration}` : job;
}

/**
 * Keys of what a job is in: `call~2` and `call.1~2` of `call.1~2.build`. That it is an instance of something is for
 * {@link keyOfJob} to say.
 */
export function keysAround(key: string): string[] {
  return [...key.matchAll(BOUNDARY)]
    .map(({ index }) => key.slice(0, index))
    .filter((around) => around !== '')
    .flatMap((around) => {
      const instance = Number(INSTANCE.exec(around)?.[1] ?? 0);
      return instance > 0 ? [keyOfJob(around, instance), around] : [around];
    });
}

const SUFFIX = /~(\d+)?(?:r(\d+))?$/;
/** Where a segment ends. Ids do not begin with a digit: a number behind a point is an instance, and belongs to its job. */
const BOUNDARY = /@|\.(?!\d)/g;
const INSTANCE = /\.(\d+)(?:~[^.@]*)?$/;
