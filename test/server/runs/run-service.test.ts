import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GitRepository } from './git-repository.ts';
import { must, RunHand } from './run-harness.ts';
import { openService, type ServiceHand } from './service-harness.ts';

const CI = '.github/workflows/ci.yml';
const JOBS = 'jobs: { a: { runs-on: linux, steps: [ { run: echo } ] } }';
const push = (filters = ''): string => `on: { push: { ${filters} } }\n${JOBS}\n`;

let hand: ServiceHand;
let repository: GitRepository;
beforeEach(async () => {
  hand = await openService();
  repository = await GitRepository.create();
  await hand.register('octo/app', repository);
});
afterEach(async () => {
  await hand.close();
  await repository.remove();
});

const paths = async (request: Readonly<Record<string, unknown>>): Promise<string[]> =>
  must(await hand.submit({ repository: 'octo/app', ...request }))
    .runs.map(({ path }) => path.replace('.github/workflows/', ''))
    .sort();
const refusal = async (request: Readonly<Record<string, unknown>>) => {
  const result = await hand.submit(request);
  if (result.ok) throw new Error('it was taken');
  return result.error;
};

describe('a submission of a repository', () => {
  it('runs the workflows that the event starts, at the commit of the ref', async () => {
    const files = { [CI]: push(), '.github/workflows/manual.yaml': `on: workflow_dispatch\n${JOBS}` };
    const sha = await repository.commit({ ...files, '.github/workflows/readme.txt': 'no workflow' });
    const reply = must(await hand.submit({ repository: 'octo/app' }));
    expect(reply.runs).toMatchObject([
      { path: CI, repository: 'octo/app', ref: 'refs/heads/main', sha, event: 'push', actor: 'ada', state: 'running' },
    ]);
    expect(await paths({ event: 'workflow_dispatch' })).toEqual(['manual.yaml']);
  });

  it('takes branches, tags with and without a message, full refs and commits', async () => {
    const first = await repository.commit({ [CI]: push() });
    repository.git('tag', 'v1');
    repository.git('tag', '--annotate', '--message=two', 'v2');
    await repository.commit({ [CI]: push(), more: '1' });
    repository.git('branch', 'feature/x', first);
    const at = async (request: Readonly<Record<string, unknown>>) => {
      const [run] = must(await hand.submit({ repository: 'octo/app', ...request })).runs;
      return [run?.ref, run?.sha === first];
    };
    expect(await at({ ref: 'feature/x' })).toEqual(['refs/heads/feature/x', true]);
    expect(await at({ ref: 'v1' })).toEqual(['refs/tags/v1', true]);
    expect(await at({ ref: 'refs/tags/v2' })).toEqual(['refs/tags/v2', true]);
    expect(await at({ sha: first })).toEqual(['refs/heads/main', true]);
    expect(await at({ payload: { ref: 'refs/heads/feature/x', after: first } })).toEqual([
      'refs/heads/feature/x',
      true,
    ]);
  });

  it('goes by filters of branches and of paths, the changed files being those between before and after', async () => {
    const before = await repository.commit({
      '.github/workflows/docs.yml': push("paths: ['docs/**']"),
      '.github/workflows/code.yml': push("paths: ['src/**']"),
      '.github/workflows/main.yml': push('branches: [main]'),
      '.github/workflows/next.yml': push('branches: [next]'),
    });
    const after = await repository.commit({ 'src/a.ts': '1' });
    expect(await paths({ payload: { before, after } })).toEqual(['code.yml', 'main.yml']);
    expect(await paths({ payload: { before: '0'.repeat(40), after } })).toEqual(['code.yml', 'docs.yml', 'main.yml']);
    const commits = [{ added: ['docs/x.md'], modified: [], removed: [] }];
    expect(await paths({ payload: { before, after, commits } })).toEqual(['docs.yml', 'main.yml']);
  });

  it('calls workflows of the same commit and of other repositories', async () => {
    const called = `on: workflow_call\n${JOBS}`;
    await repository.commit({
      '.github/workflows/called.yml': called,
      '.github/workflows/other.yml': called,
      [CI]: 'on: push\njobs: { one: { uses: ./.github/workflows/called.yml }, two: { uses: octo/app/.github/workflows/other.yml@main } }',
    });
    const [run] = must(await hand.submit({ repository: 'octo/app' })).runs;
    expect(await new RunHand(hand.store, run!.id).jobs()).toEqual({ 'one.a': 'queued', 'two.a': 'queued' });
  });

  it('says clearly what is wrong', async () => {
    await repository.commit({ [CI]: push('branches: [next]') });
    expect(await refusal({ repository: 'octo/none' })).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('octo/none is not registered'),
    });
    expect(await refusal({ repository: 'octo/app', ref: 'nowhere' })).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining("it has no 'nowhere'"),
    });
    expect(await refusal({ repository: 'octo/app' })).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining("the branch 'main' matches none of next"),
    });
    expect(await refusal({ repository: 'octo/app', event: 'pusch' })).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('did you mean `push`'),
    });
    expect(await refusal({ repository: 'octo/app', sha: 'f'.repeat(40) })).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('cannot be read'),
    });
  });

  it("never says a clone URL's credentials, and fetches from the server's own disk only what is registered", async () => {
    const name = 'octo/secret';
    const cloneUrl = 'http://ada:hunter2@127.0.0.1:9/octo/secret';
    must(await hand.store.execute('set-repository', { actor: 'ada', name, cloneUrl, defaultBranch: null }));
    const { code, message } = await refusal({ repository: name });
    expect(code).toBe('not_found');
    expect(message).not.toContain('hunter2');
    for (const url of [repository.url, repository.folder])
      expect(await refusal({ repository: 'octo/else', cloneUrl: url })).toMatchObject({ code: 'invalid' });
  });

  it('refuses a workflow with errors, and tells of one that is broken beside those that are not', async () => {
    await repository.commit({ [CI]: push(), '.github/workflows/broken.yml': 'on: push\njobs: { a: { steps: 1 } }\n' });
    const reply = must(await hand.submit({ repository: 'octo/app' }));
    expect(reply.runs).toHaveLength(1);
    expect(reply.diagnostics).toContainEqual(
      expect.objectContaining({ severity: 'error', file: '.github/workflows/broken.yml' }),
    );
    await repository.commit({ [CI]: 'on: push\njobs: { a: { uses: ./.github/workflows/missing.yml } }\n' });
    expect(await refusal({ repository: 'octo/app' })).toMatchObject({
      code: 'invalid',
      detail: { diagnostics: [expect.objectContaining({ severity: 'error', file: CI })] },
    });
  });

  it('fetches nothing for a key that it has seen', async () => {
    await repository.commit({ [CI]: push() });
    const request = { repository: 'octo/app', dedupeKey: 'delivery-1' };
    const first = must(await hand.submit(request));
    await repository.remove();
    expect(must(await hand.submit(request)).runs).toEqual(first.runs);
  });

  it('is served many at a time', async () => {
    await repository.commit({ [CI]: push() });
    const replies = await Promise.all(Array.from({ length: 4 }, () => hand.submit({ repository: 'octo/app' })));
    expect(new Set(replies.map((reply) => must(reply).runs[0]?.id)).size).toBe(4);
  });
});

describe('a submission of a file', () => {
  it('needs no repository', async () => {
    const reply = must(await hand.submit({ workflow: { path: 'build.yml', text: push() } }));
    const { entries } = must(await hand.store.execute('list-audit', { cursor: null, limit: 1 }));
    expect(entries).toMatchObject([{ actor: 'ada (token 1)', action: 'run.submit' }]);
    expect(reply.runs).toMatchObject([{ path: 'build.yml', repository: null, ref: null, sha: null }]);
  });

  it('brings the workflows that it calls', async () => {
    const text = 'on: push\njobs: { one: { uses: ./.github/workflows/w.yml } }';
    const called = `on: workflow_call\n${JOBS}`;
    const files = { './.github/workflows/w.yml': called };
    expect(must(await hand.submit({ workflow: { path: CI, text, files } })).runs).toHaveLength(1);
    expect(await refusal({ workflow: { path: CI, text } })).toMatchObject({
      detail: { diagnostics: [expect.objectContaining({ message: expect.stringContaining('not sent along') })] },
    });
  });

  it('belongs to the commit it names, which nobody is asked for', async () => {
    const sha = 'b'.repeat(40);
    const place = { repository: 'octo/unknown', cloneUrl: 'https://git.test/octo/unknown', ref: 'dev', sha };
    const [run] = must(await hand.submit({ workflow: { path: CI, text: push() }, ...place })).runs;
    expect(run).toMatchObject({ repository: 'octo/unknown', ref: 'refs/heads/dev', sha });
  });

  it('belongs to what the ref points at where it names no commit', async () => {
    const sha = await repository.commit({ file: '1' });
    const [run] = must(await hand.submit({ workflow: { path: CI, text: push() }, repository: 'octo/app' })).runs;
    expect(run).toMatchObject({ ref: 'refs/heads/main', sha });
  });

  it('has inputs with types and defaults', async () => {
    const text = `on: { workflow_dispatch: { inputs: { n: { type: number, default: 3 }, go: { type: boolean, required: true } } } }
jobs:
  a: { runs-on: x, if: inputs.n == 3 && inputs.go, steps: [ { run: echo } ] }
`;
    const submit = (inputs: Readonly<Record<string, string>>) =>
      hand.submit({ workflow: { path: CI, text }, event: 'workflow_dispatch', inputs });
    const [run] = must(await submit({ go: 'true' })).runs;
    expect(await new RunHand(hand.store, run!.id).jobs()).toEqual({ a: 'queued' });
    expect(await submit({})).toMatchObject({ error: { code: 'invalid', message: expect.stringContaining("'go'") } });
    expect(await submit({ go: 'maybe' })).toMatchObject({ error: { code: 'invalid' } });
  });

  it('may be one job and what it needs', async () => {
    const text = `on: push\njobs: { a: { runs-on: x, steps: [ { run: echo } ] }, b: { runs-on: x, steps: [ { run: echo } ] } }`;
    const [run] = must(await hand.submit({ workflow: { path: CI, text }, job: 'b' })).runs;
    expect(await new RunHand(hand.store, run!.id).jobs()).toEqual({ b: 'queued' });
    expect(await refusal({ workflow: { path: CI, text }, job: 'c' })).toMatchObject({ code: 'invalid' });
  });
});
