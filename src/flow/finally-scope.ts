/**
 * The scope of the jobs that a workflow says are to run when its others have ended. A job around a calling job may have
 * a `finally` too, whose key is `caller@finally`; that of what it calls is `caller.@finally`.
 */
export function finallyScope(workflowScope: string): string {
  return workflowScope === '' ? NAME : `${workflowScope}.${NAME}`;
}

/** The scope of the workflow that a scope of `finallyScope` belongs to. */
export function scopeBeforeFinally(scope: string): string {
  return scope === NAME ? '' : scope.slice(0, -`.${NAME}`.length);
}

const NAME = '@finally';
