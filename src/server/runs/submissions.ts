import type { ApiResult } from '../../protocol/api-error.ts';
import type { SubmitReply, SubmitRequest } from '../../protocol/run-api.ts';
import type { ReadCalledWorkflow } from '../../workflow/load-workflows.ts';
import type { Submitter } from './run-service.ts';
import type { Store } from '../store.ts';
import { GitFailure } from './git-client.ts';
import type { KnownRepositories } from './known-repositories.ts';
import { eventOf, prepareRun, refused, wishesOf } from './prepare-submission.ts';
import { readSchedules } from './read-schedules.ts';
import type { RepositoryCommit } from './repository-reader.ts';
import { triggeredRuns } from './repository-runs.ts';
import type { DueSchedule } from './schedule-operations.ts';
import { DEFAULT_BRANCH, type Submission } from './submit-run.ts';

/** What has to be read out of repositories before a submission is one. */
export class Submissions {
  readonly #store: Store;
  readonly #repositories: KnownRepositories;

  constructor(store: Store, repositories: KnownRepositories) {
    this.#store = store;
    this.#repositories = repositories;
  }

  async submit(
    request: SubmitRequest,
    { name: actor, actor: audited }: Submitter,
    signal: AbortSignal,
  ): Promise<ApiResult<SubmitReply>> {
    const event = eventOf(request);
    if (!event.ok) return event;
    const { dedupeKey, repository = null } = request;
    if (dedupeKey !== undefined) {
      const known = await this.#store.execute('find-submission', { repository, dedupeKey });
      if (!known.ok) return known;
      if (known.value.runs.length > 0) return { ok: true, value: { runs: known.value.runs, diagnostics: [] } };
    }
    return gitFailuresAsErrors(async () => {
      const prepared = request.workflow
        ? await this.#ofFile(request, request.workflow, actor, signal)
        : await this.#ofRepository(request, actor, signal);
      if (!prepared.ok) return prepared;
      const { submission, diagnostics } = prepared.value;
      const made = await this.#store.execute('submit-run', { ...submission, audited });
      if (!made.ok) return made;
      const warnings = submission.runs.flatMap((run) => run.diagnostics);
      return { ok: true, value: { runs: made.value.runs, diagnostics: [...diagnostics, ...warnings] } };
    });
  }

  async refreshSchedules(repository: string, signal: AbortSignal): Promise<ApiResult<{ schedules: number }>> {
    return gitFailuresAsErrors(async () => {
      const commit = await this.#repositories.open(repository, undefined, { ref: null, sha: null }, signal);
      return commit.ok ? this.#storeSchedules(repository, commit.value) : commit;
    });
  }

  /** A workflow that does not have the schedule any more is refused. */
  async runSchedule(
    { id, repository: name, path, cron, dueAt }: DueSchedule,
    signal: AbortSignal,
  ): Promise<ApiResult<SubmitReply>> {
    return gitFailuresAsErrors<SubmitReply>(async () => {
      const commit = await this.#repositories.open(name, undefined, { ref: null, sha: null }, signal);
      if (!commit.ok) return commit;
      const { ref, sha, defaultBranch } = commit.value;
      const kept = await this.#storeSchedules(name, commit.value);
      if (!kept.ok) return kept;
      const bytes = (await readSchedules(commit.value)).some((line) => line.path === path && line.cron === cron)
        ? await commit.value.read(path)
        : null;
      if (bytes === null) return refused(`${path} of ${name} is not scheduled at '${cron}' any more`);
      const run = await prepareRun(
        { path, bytes },
        { event: 'schedule', inputs: {} },
        this.#repositories.callsIn(commit.value, name, signal),
      );
      if (!run.ok) return run;
      const made = await this.#store.execute('submit-run', {
        actor: SCHEDULE_ACTOR,
        repository: { name, cloneUrl: null, defaultBranch },
        ref,
        sha,
        event: 'schedule',
        payload: { schedule: cron },
        job: null,
        priority: 0,
        exclusive: [],
        dedupeKey: `schedule ${id} ${dueAt}`,
        runs: [run.value],
      });
      if (!made.ok) return made;
      return { ok: true, value: { runs: made.value.runs, diagnostics: [...run.value.diagnostics] } };
    });
  }

  async #storeSchedules(repository: string, commit: RepositoryCommit): Promise<ApiResult<{ schedules: number }>> {
    const schedules = await readSchedules(commit);
    return this.#store.execute('set-schedules', { repository, schedules });
  }

  async #ofFile(
    request: SubmitRequest,
    { path, text, files }: NonNullable<SubmitRequest['workflow']>,
    actor: string,
    signal: AbortSignal,
  ): Promise<ApiResult<Prepared>> {
    const place = await this.#place(request, signal);
    if (!place.ok) return place;
    const read: ReadCalledWorkflow = (called) => {
      if (called.remote !== null) return this.#repositories.readRemote(called, called.remote, signal);
      const found = files[called.path] ?? files[called.uses];
      return Promise.resolve(
        found === undefined
          ? { kind: 'problem', message: `the called workflow '${called.uses}' was not sent along` }
          : { kind: 'read', bytes: Buffer.from(found) },
      );
    };
    const run = await prepareRun({ path, bytes: Buffer.from(text) }, request, read);
    if (!run.ok) return run;
    const submission = { ...wishesOf(request, actor), ...place.value, runs: [run.value] };
    return { ok: true, value: { submission, diagnostics: [] } };
  }

  /** Where a workflow that came as a file is run: a repository needs to be asked only for a commit that is not said. */
  async #place(
    { repository: name, cloneUrl, ref: asked, sha, payload }: SubmitRequest,
    signal: AbortSignal,
  ): Promise<ApiResult<Pick<Submission, 'repository' | 'ref' | 'sha'>>> {
    const wanted = asked ?? textOf(payload['ref']);
    if (name === undefined) {
      const ref = wanted === null ? null : fullRef(wanted);
      return { ok: true, value: { repository: null, ref, sha: sha ?? null } };
    }
    if (sha !== undefined) {
      const known = await this.#store.execute('find-repository', { name });
      if (!known.ok) return known;
      const defaultBranch = known.value.defaultBranch ?? DEFAULT_BRANCH;
      const repository = { name, cloneUrl: cloneUrl ?? null, defaultBranch };
      return { ok: true, value: { repository, ref: fullRef(wanted ?? defaultBranch), sha } };
    }
    const commit = await this.#repositories.open(name, cloneUrl, { ref: wanted, sha: null }, signal);
    if (!commit.ok) return commit;
    const { ref, sha: found, defaultBranch } = commit.value;
    const repository = { name, cloneUrl: cloneUrl ?? null, defaultBranch };
    return { ok: true, value: { repository, ref, sha: found } };
  }

  async #ofRepository(request: SubmitRequest, actor: string, signal: AbortSignal): Promise<ApiResult<Prepared>> {
    const { repository: name, cloneUrl, payload } = request;
    if (name === undefined) return refused('either a workflow or a repository is needed');
    const ref = request.ref ?? textOf(payload['ref']);
    const sha = request.sha ?? commitOf(request);
    const commit = await this.#repositories.open(name, cloneUrl, { ref, sha }, signal);
    if (!commit.ok) return commit;
    const { defaultBranch } = commit.value;
    if (commit.value.isHead && commit.value.ref === `refs/heads/${defaultBranch}`) {
      const kept = await this.#storeSchedules(name, commit.value);
      if (!kept.ok) return kept;
    }
    const read = this.#repositories.callsIn(commit.value, name, signal);
    const triggered = await triggeredRuns(commit.value, name, request, read);
    if (!triggered.ok) return triggered;
    const submission = {
      ...wishesOf(request, actor),
      repository: { name, cloneUrl: cloneUrl ?? null, defaultBranch },
      ref: commit.value.ref,
      sha: commit.value.sha,
      runs: triggered.value.runs,
    };
    return { ok: true, value: { submission, diagnostics: [...triggered.value.diagnostics] } };
  }
}

interface Prepared {
  readonly submission: Submission;
  readonly diagnostics: SubmitReply['diagnostics'];
}

/** Who starts what is scheduled. */
const SCHEDULE_ACTOR = 'schedule';

/** The commit that a payload is about. */
function commitOf({ event, payload }: SubmitRequest): string | null {
  const after = event === 'push' ? textOf(payload['after']) : null;
  return after !== null && /^[0-9a-f]{40,64}$/.test(after) ? after : null;
}

function fullRef(ref: string): string {
  return ref.startsWith('refs/') ? ref : `refs/heads/${ref}`;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** What git says of a repository that was opened is no bug. */
async function gitFailuresAsErrors<T>(work: () => Promise<ApiResult<T>>): Promise<ApiResult<T>> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const message = `the repository cannot be read: ${error.message}`;
    return { ok: false, error: { code: 'not_found', reason: null, message, detail: null } };
  }
}
