/** Who may use which runners. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { accessLabel, type RunnerGroup } from '../../../src/server/dispatch/group-access.ts';
import { waitReason } from '../../../src/server/dispatch/wait-reason.ts';
import type { OperationContext } from '../../../src/server/operation.ts';
import type { OperationInput } from '../../../src/server/operations.ts';
import { registerRunner } from '../../../src/server/dispatch/register-runner.ts';
import { withdrawOffers } from '../../../src/server/dispatch/return-unstarted.ts';
import { setGroup } from '../../../src/server/dispatch/runner-groups.ts';
import { submitRun } from '../../../src/server/runs/submit-run.ts';
import { describeDatabases, describePostgres } from '../../support/postgres.ts';
import { newRun, RunHand, submission } from '../runs/run-harness.ts';
import { QueueWorld, type TestSession } from './queue-world.ts';

const OPEN: RunnerGroup = { name: 'default', tier: 'trusted', repositories: ['*'] };
const ACME: RunnerGroup = { name: 'acme', tier: 'trusted', repositories: ['Acme/*'] };
const FORKS: RunnerGroup = { name: 'forks', tier: 'untrusted', repositories: ['*'] };

describe('a job may go to', () => {
  const trusted = { repository: 'acme/widgets', isUntrusted: false };
  const untrusted = { repository: 'acme/widgets', isUntrusted: true };

  it.each([
    ['every group, where none is for others', [OPEN, ACME], trusted, null, true, null],
    ['the groups of its repository', [OPEN, ACME], { ...trusted, repository: 'other/one' }, null, true, 'in:default'],
    ['groups for all, without a repository', [OPEN, ACME], { ...trusted, repository: null }, null, true, 'in:default'],
    ['no group that is not trusted', [OPEN, FORKS], trusted, null, true, 'in:default'],
    ['one that is not trusted, when it names it', [OPEN, FORKS], trusted, 'Forks', true, null],
    [
      'groups for its like alone, when its run is not trusted',
      [OPEN, FORKS],
      untrusted,
      null,
      true,
      'in-untrusted:forks',
    ],
    ['none of them, when there is none', [OPEN, ACME], untrusted, null, true, 'in-untrusted:'],
    [
      'no other group by naming it, when its run is not trusted',
      [OPEN, FORKS],
      untrusted,
      'default',
      true,
      'in-untrusted:forks',
    ],
    ['every group, when runs that are not trusted may', [OPEN, FORKS], untrusted, null, false, null],
  ])('%s', (_, groups, asker, wanted, isolate, label) => {
    expect(accessLabel(groups, asker, wanted, isolate)).toBe(label);
  });
});

describeDatabases('runners in groups', (database) => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open(database);
  });
  afterEach(() => world.close());

  function setGroup(name: string, tier: RunnerGroup['tier'], ...repositories: string[]): Promise<null> {
    return world.do('set-group', { actor: 'ada', name, tier, repositories });
  }

  /** A run of one job; its attempt. */
  async function submit(options: { readonly fork?: boolean; readonly runsOn?: string } = {}): Promise<string> {
    const { fork = false, runsOn = 'linux' } = options;
    const text = `on: [push, pull_request]\njobs:\n  job: { runs-on: ${runsOn}, steps: [{ run: 'true' }] }\n`;
    const head = { repo: { full_name: 'somebody/widgets' } };
    const event = fork ? { event: 'pull_request', payload: { pull_request: { head } } } : {};
    await RunHand.submit(world.store, text, {
      repository: { name: 'acme/widgets', cloneUrl: null, defaultBranch: 'main' },
      ...event,
    });
    const rows = await world.store.db.selectFrom('attempt').select('id').orderBy('job_id', 'desc').limit(1).execute();
    return rows[0]?.id ?? '';
  }

  async function takers(...sessions: TestSession[]): Promise<readonly string[]> {
    const offers = await world.offer(...sessions);
    return offers.map(({ session }) => sessions.find(({ id }) => id === session)?.group ?? '');
  }

  async function reasonOf(attempt: string): Promise<string> {
    const { label_set_id } = await world.jobOf(attempt);
    return await world.perform((context) => waitReason(context, label_set_id ?? 0));
  }

  it('take the jobs of those alone that may use them', async () => {
    await setGroup('deploy', 'trusted', 'acme/site');
    const deploy = await world.session({ labels: ['linux'], runnerGroup: 'deploy' });
    const attempt = await submit();
    expect(await takers(deploy)).toEqual([]);
    expect(await reasonOf(attempt)).toBe(
      'no runner with the labels linux is in a group that it may use: `paceline groups list` shows who may use which',
    );
    const open = await world.session({ labels: ['linux'] });
    expect(await takers(deploy, open)).toEqual(['default']);
  });

  it('take what asks for their group', async () => {
    await setGroup('big', 'trusted', '*');
    const other = await world.session({ labels: ['linux'] });
    const attempt = await submit({ runsOn: '{ group: Big, labels: linux }' });
    expect(await takers(other)).toEqual([]);
    expect(await reasonOf(attempt)).toBe('no runner has the labels linux in the group big');
    expect(await takers(await world.session({ labels: ['linux'], runnerGroup: 'big' }))).toEqual(['big']);
  });

  it('that are trusted take nothing of forks, which says so', async () => {
    const open = await world.session({ labels: ['linux'] });
    const attempt = await submit({ fork: true });
    expect(await takers(open)).toEqual([]);
    expect(await reasonOf(attempt)).toBe(
      'its run is of a fork, and goes to runners of the tier untrusted alone: it may use no such group',
    );
    await setGroup('forks', 'untrusted', '*');
    expect(await reasonOf(attempt)).toBe(
      'its run is of a fork, and goes to runners of the tier untrusted alone: none with the labels linux is in forks',
    );
    const forks = await world.session({ labels: ['linux'], runnerGroup: 'forks' });
    expect(await takers(open, forks)).toEqual(['forks']);
    expect(await world.inconsistencies()).toEqual([]);
  });

  it('of forks take nothing that is trusted', async () => {
    await setGroup('forks', 'untrusted', '*');
    const forks = await world.session({ labels: ['linux'], runnerGroup: 'forks' });
    await submit();
    expect(await takers(forks)).toEqual([]);
  });

  it('take by the groups as they are now what was queued before', async () => {
    const attempt = await submit();
    await setGroup('default', 'trusted', 'other/*');
    const open = await world.session({ labels: ['linux'] });
    expect(await takers(open)).toEqual([]);
    await setGroup('default', 'trusted', 'ACME/*');
    expect(world.store.topics.some((topic) => topic.startsWith('queue:'))).toBe(true);
    expect(await takers(open)).toEqual(['default']);
    expect(await world.state(attempt)).toBe('offered');
  });

  it('are not in a group by a label that says so', async () => {
    await setGroup('deploy', 'trusted', 'acme/site');
    const liar = await world.session({ labels: ['linux', 'group:deploy', 'in:deploy'] });
    await submit({ runsOn: '{ group: deploy }' });
    expect(await takers(liar)).toEqual([]);
  });

  it('keep their group; the first one stays', async () => {
    await setGroup('deploy', 'trusted', '*');
    await world.runner({ name: 'one', runnerGroup: 'deploy' });
    const remove = (name: string) => world.refusal('remove-group', { actor: 'ada', name });
    expect((await remove('deploy')).message).toBe('the runner one is in the group deploy; remove its runners first');
    expect((await remove('default')).code).toBe('conflict');
    expect((await remove('nobody')).code).toBe('not_found');
    await world.do('remove-runner', { actor: 'ada', runner: 'one', force: false });
    await world.do('remove-group', { actor: 'ada', name: 'deploy' });
    expect((await world.do('list-groups', {})).groups).toEqual([
      { name: 'default', tier: 'trusted', repositories: ['*'], runners: 0 },
    ]);
  });

  it('are told by their token, which ends with its group', async () => {
    await setGroup('deploy', 'trusted', '*');
    const input = await registration(world, 'deploy');
    await world.do('remove-group', { actor: 'ada', name: 'deploy' });
    expect((await world.refusal('register-runner', input)).reason).toBe('token-unknown');
    await setGroup('deploy', 'untrusted', '*');
    expect((await world.refusal('register-runner', input)).reason).toBe('token-unknown');
  });

  it('come into no group that is not there', async () => {
    await setGroup('deploy', 'trusted', '*');
    const input = await registration(world, 'deploy');
    await world.store.db.deleteFrom('runner_group').where('name', '=', 'deploy').execute();
    expect((await world.refusal('register-runner', input)).message).toBe('there is no group of runners deploy');
  });

  it('are neither changed nor replaced by a token of another group', async () => {
    await setGroup('deploy', 'trusted', '*');
    const own = await registration(world, 'deploy');
    const { runner } = await world.do('register-runner', own);
    const other = await registration(world);
    const message =
      'the runner one is in the group deploy, and this token is for default; remove it first, or choose another name';
    const again = { ...other, request: { ...other.request, labels: ['gpu'] } };
    expect((await world.refusal('register-runner', again)).message).toBe(message);
    const replacing = { ...other, request: { ...other.request, publicKey: 'other', replace: true } };
    expect((await world.refusal('register-runner', replacing)).message).toBe(message);
    const ownAgain = { ...own, request: { ...own.request, labels: ['gpu'] } };
    expect(await world.do('register-runner', ownAgain)).toMatchObject({ runner });
  });
});

describePostgres('who changes groups, and who goes by them,', () => {
  let world: QueueWorld;
  beforeEach(async () => {
    world = await QueueWorld.open('postgres');
  });
  afterEach(() => world.close());

  type Doing = (context: OperationContext) => Promise<unknown>;
  const change: Doing = (context) =>
    setGroup(context, { actor: 'ada', name: 'new', tier: 'trusted', repositories: ['x/y'] });

  /** Whether the second can be done while the first is not committed yet. */
  async function isLetIn(first: Doing, second: Doing): Promise<boolean> {
    return await world.perform(async (context) => {
      await first(context);
      const inner = await world.store.perform(async (own) => {
        await sql`set local lock_timeout = 1`.execute(own.db);
        await second(own);
      }, null);
      if (!inner.ok) expect(inner.error.message).toContain('others were in the way');
      return inner.ok;
    });
  }

  it.each<[string, () => Promise<Doing>]>([
    [
      'queue a job',
      async () => {
        const run = await newRun({ text: "on: push\njobs: { a: { runs-on: linux, steps: [{ run: 'true' }] } }\n" });
        return (context) => submitRun(context, submission([run]));
      },
    ],
    [
      'put a job back',
      async () => {
        const { attempt, fence } = await world.offered();
        return (context) => withdrawOffers(context, [{ id: attempt, fence }]);
      },
    ],
    [
      'register a runner',
      async () => {
        const input = await registration(world);
        let count = 0;
        return (context) =>
          registerRunner(context, { ...input, request: { ...input.request, name: `runner-${count++}` } });
      },
    ],
  ])('wait for each other when those %s', async (_, prepare) => {
    const doing = await prepare();
    expect([await isLetIn(change, doing), await isLetIn(doing, change)]).toEqual([false, false]);
  });

  it('see each other: a group is not removed below a runner that registers', async () => {
    await world.perform(change);
    const input = await registration(world, 'new');
    const isWaiting = sql<{ here: number }>`select 1 as here from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    const removed = await world.perform(async (context) => {
      await registerRunner(context, input);
      const removal = world.store.execute('remove-group', { actor: 'ada', name: 'new' });
      while ((await isWaiting.execute(world.store.db)).rows.length === 0);
      return { removal };
    });
    expect(await removed.removal).toMatchObject({ ok: false, error: { reason: 'busy' } });
  });
});

/** What an agent sends with a new token of a group. */
async function registration(world: QueueWorld, group?: string): Promise<OperationInput<'register-runner'>> {
  const tokenHash = randomBytes(32).toString('hex');
  const token = { kind: 'registration', name: 'new runners', scopes: [], expiresMs: 60_000, uses: null } as const;
  await world.do('create-token', { actor: 'ada', hash: tokenHash, ...token, ...(group !== undefined && { group }) });
  const keys = { publicKey: world.publicKey, sealKey: world.sealKey };
  return { tokenHash, request: { name: 'one', labels: [], ephemeral: false, replace: false, ...keys } };
}
