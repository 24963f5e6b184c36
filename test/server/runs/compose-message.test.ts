import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { composeMessage, type ComposedMessage } from '../../../src/server/runs/compose-message.ts';
import { jobSecrets } from '../../../src/server/runs/job-secrets.ts';
import type { OperationContext } from '../../../src/server/operation.ts';
import type { Submission } from '../../../src/server/runs/submit-run.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import { must, RunHand, type WorkflowSource } from './run-harness.ts';

let store: TestStore;
beforeEach(async () => {
  store = await openTestStore({ database: 'sqlite' });
  must(
    await store.execute('set-repository', {
      actor: 'ada',
      name: 'octo/app',
      cloneUrl: 'https://git.test/app',
      defaultBranch: 'trunk',
    }),
  );
});
afterEach(() => store.close());

async function compose(context: OperationContext, { run, key }: { readonly run: number; readonly key: string }) {
  // As on a server that has nothing in memory.
  context.runs.drop(run);
  const { id } = await context.db
    .selectFrom('job')
    .select('id')
    .where('run_id', '=', run)
    .where('key', '=', key)
    .executeTakeFirstOrThrow();
  return composeMessage(context, id, 2);
}

async function messageOf(
  source: WorkflowSource,
  key: string,
  more: Partial<Submission> = {},
): Promise<ComposedMessage> {
  const run = await RunHand.submit(store, source, more);
  return must(await store.perform(compose, { run: run.id, key }));
}

async function setSecret(scope: string, name: string, text: string): Promise<void> {
  const { version } = must(await store.execute('next-secret-version', { scope, name }));
  must(
    await store.execute('set-secret', { actor: 'ada', scope, name, version, ciphertext: `sealed ${text}`, keyId: 'k' }),
  );
}

const open = (composed: ComposedMessage) => jobSecrets(composed, (ciphertext) => ciphertext.replace('sealed ', ''));

const TEXT = `on: push
env: { OUTER: 1 }
defaults: { run: { shell: bash } }
jobs:
  build:
    runs-on: [linux, x64]
    timeout-minutes: 7
    env: { INNER: 2 }
    strategy: { matrix: { n: [1, 2] } }
    steps: [ { run: echo } ]
`;

describe('what a worker is told', () => {
  it('is the job as it was planned, with its contexts and time limit', async () => {
    must(await store.execute('set-variable', { actor: 'ada', scope: '', name: 'A', value: 'server' }));
    must(await store.execute('set-variable', { actor: 'ada', scope: '', name: 'B', value: 'server' }));
    must(await store.execute('set-variable', { actor: 'ada', scope: 'octo/app', name: 'B', value: 'repository' }));
    const { message } = await messageOf({ text: TEXT }, 'build.2', { payload: { head_commit: { id: 'x' } } });
    expect(message).toMatchObject({
      runId: '1',
      key: 'build.2',
      displayName: 'build (2)',
      instance: 2,
      attempt: 2,
      job: { id: 'build', steps: [{ run: 'echo' }] },
      env: [{ OUTER: '1' }, { INNER: '2' }],
      defaults: [{ shell: 'bash' }, {}],
      timeoutMinutes: 7,
      contexts: { matrix: { n: 2 }, vars: { A: 'server', B: 'repository' }, needs: {}, inputs: {} },
      event: { head_commit: { id: 'x' }, ref: 'refs/heads/main' },
    });
  });

  it('says in the github context where it is, and holds no token', async () => {
    const { message } = await messageOf({ text: TEXT }, 'build.1');
    expect(message.contexts.github).toMatchObject({
      actor: 'ada',
      event_name: 'push',
      ref: 'refs/heads/main',
      ref_name: 'main',
      repository: 'octo/app',
      run_attempt: '1',
      run_id: '1',
      run_number: '1',
      server_url: 'https://github.test',
      sha: 'a'.repeat(40),
      workflow: '.github/workflows/ci.yml',
      workflow_ref: 'octo/app/.github/workflows/ci.yml@refs/heads/main',
    });
    expect(message.contexts.github).not.toHaveProperty('token');
  });

  it('names the commit to check out, and where it is', async () => {
    const sha = 'a'.repeat(40);
    const registered = await messageOf({ text: TEXT }, 'build.1');
    expect(registered.message.checkout).toEqual({
      repository: 'octo/app',
      url: 'https://git.test/app',
      ref: 'refs/heads/main',
      sha,
    });
    const repository = { name: 'octo/mine', cloneUrl: 'https://fork.test/mine', defaultBranch: 'main' };
    const own = await messageOf({ text: TEXT }, 'build.1', { repository });
    expect(own.message.checkout?.url).toBe('https://fork.test/mine');
    const elsewhere = { name: 'octo/app', cloneUrl: 'https://evil.test/app', defaultBranch: 'main' };
    const moved = await messageOf({ text: TEXT }, 'build.1', { repository: elsewhere });
    expect(moved.message.checkout?.url).toBe('https://git.test/app');
    const none = await messageOf({ text: TEXT }, 'build.1', { repository: null, ref: null, sha: null });
    expect(none.message.checkout).toBeNull();
  });
});

describe('the secrets of a job', () => {
  beforeEach(async () => {
    must(await store.execute('adopt-key', { keyId: 'k' }));
    await setSecret('', 'SHARED', 'of the server');
    await setSecret('', 'OWN', 'of the server');
    await setSecret('octo/app', 'OWN', 'of the repository');
    await setSecret('octo/app', 'GITHUB_TOKEN', 'token');
    await setSecret('octo/app', 'DEPLOY', 'key');
    must(
      await store.execute('set-repository', { actor: 'ada', name: 'octo/other', cloneUrl: null, defaultBranch: null }),
    );
    await setSecret('octo/other', 'FOREIGN', 'not ours');
  });

  it('are those of the server and of its repository, which wins; its token clones', async () => {
    const { secrets, masks, cloneToken } = open(await messageOf({ text: TEXT }, 'build.1'));
    expect(secrets).toEqual({
      SHARED: 'of the server',
      OWN: 'of the repository',
      GITHUB_TOKEN: 'token',
      DEPLOY: 'key',
    });
    expect(masks).toContain('key');
    expect(cloneToken).toBe('token');
  });

  it('of a run without a repository are those of the server', async () => {
    const { secrets, cloneToken } = open(await messageOf({ text: TEXT }, 'build.1', { repository: null }));
    expect(secrets).toEqual({ SHARED: 'of the server', OWN: 'of the server' });
    expect(cloneToken).toBeNull();
  });

  it('are not shown to an address that merely stands in the submission', async () => {
    await setSecret('', 'GITHUB_TOKEN', 'of the server');
    const place = { name: 'octo/unknown', defaultBranch: 'main' };
    const at = async (cloneUrl: string | null) =>
      open(await messageOf({ text: TEXT }, 'build.1', { repository: { ...place, cloneUrl } })).cloneToken;
    expect(await at('https://evil.test/octo/unknown')).toBeNull();
    expect(await at('https://github.test.evil.test/octo/unknown')).toBeNull();
    expect(await at('https://github.test/octo/unknown')).toBe('of the server');
    expect(await at(null)).toBe('of the server');
  });

  it('are none for a pull request of another repository, or of nobody knows which', async () => {
    const pulled = async (event: string, head: Submission['payload'] | null) => {
      const payload = head === null ? {} : { pull_request: { head, base: { repo: { full_name: 'octo/app' } } } };
      return open(await messageOf({ text: TEXT.replace('on: push', `on: ${event}`) }, 'build.1', { event, payload }));
    };
    for (const head of [{ repo: { full_name: 'mallory/app' } }, { repo: null }, { ref: 'x' }, {}])
      expect(await pulled('pull_request', head)).toEqual({ secrets: {}, masks: [], cloneToken: null });
    expect(await pulled('pull_request_review', null)).toMatchObject({ secrets: {}, masks: [] });
    expect((await pulled('pull_request', { repo: { full_name: 'Octo/App' } })).secrets).toHaveProperty('DEPLOY');
    expect((await pulled('pull_request', null)).secrets).toHaveProperty('DEPLOY');
    const base = await pulled('pull_request_target', { repo: { full_name: 'mallory/app' } });
    expect(base.secrets).toHaveProperty('DEPLOY');
  });

  it('of a called workflow are those that the call maps, and all of them are masked', async () => {
    const called = `on: { workflow_call: { secrets: { key: { required: true } } } }
jobs: { x: { runs-on: linux, steps: [ { run: echo } ] } }`;
    const text =
      'on: push\njobs: { call: { uses: ./.github/workflows/w.yml, secrets: { key: "${{ secrets.DEPLOY }}" } } }';
    const composed = await messageOf({ text, files: { '.github/workflows/w.yml': called } }, 'call.x');
    expect(open(composed)).toMatchObject({ secrets: { key: 'key', GITHUB_TOKEN: 'token' } });
    expect(open(composed).secrets).not.toHaveProperty('DEPLOY');
    expect(open(composed).masks).toContain('of the server');
  });
});
