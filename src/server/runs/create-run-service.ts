import { KnownRepositories, type RepositoriesOptions } from './known-repositories.ts';
import type { RunService } from './run-service.ts';
import { Submissions } from './submissions.ts';

export function createRunService(options: RepositoriesOptions): RunService {
  const { store } = options;
  const submissions = new Submissions(store, new KnownRepositories(options));
  return {
    submit: (request, actor, signal) => submissions.submit(request, actor, signal),
    list: (filter) => store.execute('list-runs', filter),
    show: (run, attempt) => store.execute('show-run', { run, attempt }),
    events: (run, after, limit) => store.execute('events-after', { run, after, limit }),
    cancel: (run, { force }, actor) => store.execute('cancel-run', { run, force, actor }),
    ask: (request) => store.execute('ask-run', request),
    rerun: (run, what, actor) => store.execute('rerun', { run, what, actor }),
    runSchedule: (due, signal) => submissions.runSchedule(due, signal),
    refreshSchedules: (repository, _actor, signal) => submissions.refreshSchedules(repository, signal),
  };
}
