/** A job as cases name it: `P`, `P[0]`, `s.c` or `s/c` for a job of a child pipeline. */
export interface JobName {
  /** As in the case. */
  readonly written: string;
  /** Ids of plans with dots between. */
  readonly path: string;
  /** From 0; null for all of the job. */
  readonly instance: number | null;
}

/** What names of jobs go by: ids of the plans, and whether a case has a job of this id. */
export interface JobIds {
  planId(written: string): string;
  isDeclared(written: string): boolean;
  /** Whether a job has this id of the plans. */
  hasJob(id: string): boolean;
}

export function readJobName(written: string, ids: JobIds): JobName {
  const [, inner = written, number] = /^(.*?)\[(\d+)\]$/s.exec(written) ?? [];
  const isWhole = ids.isDeclared(written);
  const name = isWhole ? written : inner;
  const parts = isWhole || ids.isDeclared(name) ? [name] : name.split(/[./]/);
  const path = parts.map((part) => ids.planId(part)).join('.');
  return { written, path, instance: isWhole || number === undefined ? null : Number(number) };
}

/** Whether the case has a job that is named so, wherever it is. */
export function hasJob(written: string, ids: JobIds): boolean {
  return ids.hasJob(readKey(readJobName(written, ids).path).id);
}

/** A path or key of flow, taken apart: `outer@2.build.3~2r1`. */
export interface FlowKey {
  /** Paths and keys of what is around it, from the outside in: `['outer@2']`. */
  readonly scope: string;
  readonly id: string;
  /** From 1; null without instances. */
  readonly instance: number | null;
  /** Scope and id. */
  readonly path: string;
}

/** @param key of an instance, or a path. */
export function readKey(key: string): FlowKey {
  const parts = key.split('.');
  const instance = /^(\d+)(?:~.*)?$/.exec(parts.at(-1) ?? '')?.[1];
  if (instance !== undefined && parts.length > 1) parts.pop();
  const id = (parts.pop() ?? '').replace(/~.*$/, '');
  const scope = parts.join('.');
  return {
    scope,
    id,
    instance: instance === undefined ? null : Number(instance),
    path: scope === '' ? id : `${scope}.${id}`,
  };
}

/** True for what belongs to a job: its rounds, the jobs around it, and what it calls. */
export function isBelow(path: string, job: string): boolean {
  return path.startsWith(job) && /^[@.~]/.test(path.slice(job.length));
}

/** Scopes of called workflows that a key lies in, from the outside in. */
export function callsAround(key: string): string[] {
  const parts = key.split('.');
  const scopes: string[] = [];
  for (let end = 1; end < parts.length; end++) {
    const isCall = !/^\d+(?:~.*)?$/.test(parts[end]!) && !parts[end - 1]!.includes('@');
    if (isCall) scopes.push(parts.slice(0, end).join('.'));
  }
  return scopes;
}
