import { isFinish } from '../journal/read-journal.ts';
import type { Failpoint } from '../kernel/failpoint.ts';
import type { AgentApi } from '../protocol/agent-api.ts';
import type { AgentPorts, AttemptFolder, AttemptStore, WaitingWorker, WorkerLauncher } from './agent-ports.ts';

type Ports = Pick<AgentPorts, 'api' | 'attempts' | 'workers'>;

/**
 * The agent's ports with the places at which a test ends it. Between two of them the agent does nothing that another
 * process could see, so every crash that matters is one of theirs.
 */
export function failingPorts(ports: Ports, failpoint: Failpoint): Ports {
  return {
    api: failingApi(ports.api, failpoint),
    attempts: failingStore(ports.attempts, failpoint),
    workers: failingLauncher(ports.workers, failpoint),
  };
}

function failingApi(api: AgentApi, failpoint: Failpoint): AgentApi {
  return {
    register: (token, request) => api.register(token, request),
    nonce: () => api.nonce(),
    unregister: (runner, request) => api.unregister(runner, request),
    openSession: (request) => api.openSession(request),
    closeSession: (key) => api.closeSession(key),
    poll: (key, request, signal) => api.poll(key, request, signal),
    decline: (key, attempt, request) => api.decline(key, attempt, request),
    drain: (key) => api.drain(key),
    async accept(key, attempt, fence) {
      const result = await api.accept(key, attempt, fence);
      if (result.ok) failpoint('agent-after-accept');
      return result;
    },
    async sync(key, request) {
      const result = await api.sync(key, request);
      const records = request.attempts.flatMap((attempt) => attempt.records);
      if (result.ok && records.some(isFinish)) failpoint('agent-before-finish-acknowledged');
      if (result.ok && records.length > 0) failpoint('agent-after-sync-answer');
      return result;
    },
    async appendLog(key, chunk) {
      const result = await api.appendLog(key, chunk);
      if (result.ok) failpoint('agent-after-log-answer');
      return result;
    },
    async appendLogs(key, chunks) {
      const result = await api.appendLogs(key, chunks);
      if (result.ok) failpoint('agent-after-log-answer');
      return result;
    },
  };
}

function failingStore(store: AttemptStore, failpoint: Failpoint): AttemptStore {
  return {
    list: () => store.list(),
    create: async (meta) => failingFolder(await store.create(meta), failpoint),
  };
}

/** Of an attempt that is about to begin; the first that the agent appends is `job-started`. */
function failingFolder(folder: AttemptFolder, failpoint: Failpoint): AttemptFolder {
  return {
    directory: folder.directory,
    get meta() {
      return folder.meta;
    },
    update: (meta) => folder.update(meta),
    journalEnd: () => folder.journalEnd(),
    read: (seq, last, maxBytes) => folder.read(seq, last, maxBytes),
    logs: () => folder.logs(),
    readLog: (step, offset, maxBytes) => folder.readLog(step, offset, maxBytes),
    hashLog: (step, length) => folder.hashLog(step, length),
    remove: () => folder.remove(),
    async append(records) {
      failpoint('agent-before-journal');
      const end = await folder.append(records);
      failpoint('agent-after-journal');
      return end;
    },
  };
}

function failingLauncher(workers: WorkerLauncher, failpoint: Failpoint): WorkerLauncher {
  return {
    bootId: workers.bootId,
    spawn: async (place) => failingWorker(await workers.spawn(place), failpoint),
    reattach: (identity) => workers.reattach(identity),
    reap: (jobId) => workers.reap(jobId),
  };
}

function failingWorker(worker: WaitingWorker, failpoint: Failpoint): WaitingWorker {
  return {
    identity: worker.identity,
    async begin(order) {
      failpoint('agent-after-start-acknowledged');
      const handle = await worker.begin(order);
      failpoint('agent-after-spawn');
      return handle;
    },
    dismiss: () => worker.dismiss(),
  };
}
