import type { FlowEvent, StartJob } from '../../src/flow/flow-event.ts';
import type { FlowInput } from '../../src/flow/flow-input.ts';
import { type ShownFlow, showFlow } from '../../src/flow/show-flow.ts';
import type { ApiResult } from '../../src/protocol/api-error.ts';
import type { RunConclusion } from '../../src/protocol/conclusion.ts';
import type { OperationContext } from '../../src/server/operation.ts';
import { composeMessage } from '../../src/server/runs/compose-message.ts';
import { fireTimers } from '../../src/server/runs/flow-timers.ts';
import { readRun } from '../../src/server/runs/run-row.ts';
import { stateOf } from '../../src/server/runs/run-state.ts';
import type { StoredCommand } from '../../src/server/runs/start-jobs.ts';
import { tellRun } from '../../src/server/runs/tell-run.ts';
import type { TestStore } from '../support/server-database.ts';
import type { CaseDatabase } from './case-database.ts';
import type { CaseAgents, CaseHost, Troubles } from './case-host.ts';
import { endJob, startJob } from './job-operations.ts';

const MAX_TIMERS = 100;

/**
 * Runs of the server's own storage: every event is a transaction of its operations. Where it dies, the store is closed
 * and another one opened, which knows what is written and nothing else.
 */
export class DatabaseHost implements CaseHost {
  commits = 0;
  readonly #database: CaseDatabase;
  readonly #agents: CaseAgents;
  readonly #troubles: Troubles;
  readonly #repository: string;
  /** Ids of runs, by their numbers in the case. */
  readonly #ids: number[] = [];
  /** Jobs that agents heard of, by row; and those that they were asked to end. */
  readonly #started = new Set<number>();
  readonly #asked = new Set<number>();
  #store: TestStore;

  static async open(database: CaseDatabase, agents: CaseAgents, troubles: Troubles): Promise<DatabaseHost> {
    return new DatabaseHost(database, agents, troubles, await database.store());
  }

  constructor(database: CaseDatabase, agents: CaseAgents, troubles: Troubles, store: TestStore) {
    this.#database = database;
    this.#agents = agents;
    this.#troubles = troubles;
    this.#store = store;
    this.#repository = database.beginPlay(() => agents.now());
  }

  async begin(run: number, { workflows, calls }: FlowInput): Promise<void> {
    const path = workflows[0]!.path;
    const submission = {
      actor: 'ada',
      repository: { name: this.#repository, cloneUrl: null, defaultBranch: 'main' },
      ref: 'refs/heads/main',
      sha: 'a'.repeat(40),
      event: 'push',
      payload: {},
      job: null,
      priority: 0,
      exclusive: [],
      dedupeKey: `run ${run}`,
      runs: [{ path, workflows, calls, inputs: {}, diagnostics: [] }],
    };
    await this.#commit(async () => {
      const { runs } = this.#must(await this.#store.execute('submit-run', submission));
      this.#ids[run] = runs[0]!.id;
      return null;
    });
  }

  async tell(run: number, event: FlowEvent): Promise<string | null> {
    const refused = await this.#commit(() => this.#tellOnce(run, event));
    if (this.#troubles.twice) await this.#commit(() => this.#tellOnce(run, event));
    return refused;
  }

  async rerunFailed(run: number): Promise<string | null> {
    return this.#commit(async () =>
      this.#refusalOf(await this.#store.execute('rerun', { run: this.#ids[run]!, what: 'failed', actor: 'ada' })),
    );
  }

  async show(run: number): Promise<ShownFlow> {
    return this.#must(await this.#store.perform(showRunFlow, { run: this.#ids[run]! }));
  }

  async keys(run: number): Promise<readonly string[]> {
    const rows = await this.#store.db
      .selectFrom('job')
      .select('key')
      .distinct()
      .where('run_id', '=', this.#ids[run]!)
      .execute();
    return rows.map(({ key }) => key);
  }

  async nextTimer(): Promise<number | null> {
    const next = await this.#store.db
      .selectFrom('flow_timer')
      .select('due_at')
      .where('run_id', 'in', this.#ids)
      .where('held', '=', 0)
      .orderBy('due_at')
      .limit(1)
      .executeTakeFirst();
    return next?.due_at ?? null;
  }

  async fireTimers(): Promise<void> {
    await this.#commit(async () => this.#refusalOf(await this.#store.perform(fireTimers, MAX_TIMERS)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #tellOnce(run: number, event: FlowEvent): Promise<string | null> {
    const id = this.#ids[run]!;
    switch (event.kind) {
      case 'job-started':
        return this.#refusalOf(await this.#store.perform(startJob, { run: id, key: event.key }));
      case 'job-completed':
        return this.#refusalOf(await this.#store.perform(endJob, { run: id, event }));
      case 'cancel':
        return this.#refusalOf(await this.#store.execute('cancel-run', { run: id, force: event.force, actor: 'ada' }));
      case 'requested': {
        const { by, id: requestId, request } = event;
        if ('job' in by) return this.#refusalOf(await this.#store.perform(tell, { run: id, event }));
        const asked = { run: id, requestId, request, user: by.user, actor: by.user };
        return this.#refusalOf(await this.#store.execute('ask-run', asked));
      }
      case 'timer-fired':
      case 'group-granted':
      case 'group-refused':
      case 'group-wanted':
        return this.#refusalOf(await this.#store.perform(tell, { run: id, event }));
    }
  }

  /** Does something in a transaction, dies after it where that is wanted, and looks at what there is to do then. */
  async #commit(work: () => Promise<string | null>): Promise<string | null> {
    const refused = await work();
    this.commits++;
    if (this.#troubles.crashAfter(this.commits)) {
      await this.#database.crash();
      this.#store = await this.#database.store();
      // Whoever told it did not hear of the commit, and tells it again.
      await work();
    }
    await this.#hearWhatIsToDo();
    return refused;
  }

  /** The outbox: jobs in the queue, and those that are to end. */
  async #hearWhatIsToDo(): Promise<void> {
    for (const [run, id] of this.#ids.entries()) {
      const { attempt, state, conclusion, paused } = await this.#store.db
        .selectFrom('run')
        .select(['attempt', 'state', 'conclusion', 'paused'])
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      this.#agents.pause(run, paused === 1);
      const rows = await this.#store.db
        .selectFrom('job')
        .leftJoin('attempt', 'attempt.id', 'job.attempt_id')
        .select(['job.id', 'job.key', 'job.state', 'attempt.cancel_cause'])
        .where('job.run_id', '=', id)
        .where('job.run_attempt', '=', attempt)
        .orderBy('job.id')
        .execute();
      for (const { id: job, key, state, cancel_cause } of rows) {
        if (state === 'queued' && !this.#started.has(job)) await this.#start(run, attempt, job);
        if (state === 'completed') this.#agents.forget(run, attempt, key);
        if (cancel_cause === null || state === 'completed' || this.#asked.has(job)) continue;
        this.#asked.add(job);
        this.#agents.cancel(run, attempt, key);
      }
      if (state === 'completed') this.#agents.runEnded(run, attempt, conclusion as RunConclusion);
    }
  }

  #must<T>(result: ApiResult<T>): T {
    if (!result.ok) throw new Error(`${result.error.message} ${this.#store.troubles.join(' ')}`);
    return result.value;
  }

  /** Bugs are none. */
  #refusalOf(result: ApiResult<unknown>): string | null {
    if (!result.ok && result.error.code !== 'internal') return result.error.message;
    const value = this.#must(result);
    return typeof value === 'string' ? value : null;
  }

  async #start(run: number, attempt: number, job: number): Promise<void> {
    this.#started.add(job);
    this.#agents.start(run, attempt, this.#must(await this.#store.perform(readCommand, { job })));
  }
}

function tell(context: OperationContext, { run, event }: { run: number; event: FlowEvent }): Promise<string | null> {
  return tellRun(context, run, event);
}

async function showRunFlow(context: OperationContext, { run }: { run: number }): Promise<ShownFlow> {
  const row = await readRun(context, run);
  return showFlow(await stateOf(context, row!));
}

async function readCommand(context: OperationContext, { job }: { job: number }): Promise<StartJob> {
  const { command } = await context.db
    .selectFrom('job')
    .select('command')
    .where('id', '=', job)
    .executeTakeFirstOrThrow();
  const { message } = await composeMessage(context, job, 1);
  const { job: plan, env, defaults } = message;
  return { ...(JSON.parse(command!) as StoredCommand), plan, env, defaults };
}
