/** Keys and paths: see `FlowState`. */

/** `path` for the first iteration, `path~2` for the second. */
export function iterationKey(path: string, number: number): string {
  return number === 1 ? path : `${path}~${number}`;
}

/** `path.2`, `path.2~3` in the third iteration. */
export function instanceKey(path: string, instance: number, iteration: number): string {
  return iterationKey(instance > 0 ? `${path}.${instance}` : path, iteration);
}

/** The key that an attempt is started by: that of the instance for the first, else with `r2` behind it. */
export function attemptKey(instance: string, iteration: number, attempt: number): string {
  if (attempt === 1) return instance;
  return iteration === 1 ? `${instance}~r${attempt}` : `${instance}r${attempt}`;
}

export function pathIn(scope: string, id: string): string {
  if (scope === '') return id;
  return `${scope}.${id}`;
}
