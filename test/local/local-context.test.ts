import { describe, expect, it } from '@jest/globals';
import { GitConfig } from '../../src/local/git-config.ts';
import type { GitState } from '../../src/local/git-state.ts';
import { localContext, type LocalContextOptions } from '../../src/local/local-context.ts';
import { repositoryOf } from '../../src/local/repository-of.ts';

const SHA = 'a'.repeat(40);
const GIT: GitState = {
  root: '/home/ada/project',
  sha: SHA,
  ref: 'refs/heads/feature/x',
  defaultBranch: 'trunk',
  remoteUrl: 'https://ada:secret@github.com/octo/project.git',
  config: new GitConfig(['[user]\nname = Ada\n']),
};

const contextOf = (more: Partial<LocalContextOptions> = {}): ReturnType<typeof localContext> =>
  localContext({
    git: GIT,
    workspace: '/home/ada/project',
    workflowFile: '/home/ada/project/.github/workflows/ci.yml',
    workflowName: 'CI',
    eventName: 'push',
    payload: null,
    inputs: {},
    runId: '7',
    token: '',
    userName: 'ada',
    ...more,
  });

describe('the github context of a local run', () => {
  it('says of a checkout what GitHub would', () => {
    const { github, event } = contextOf();
    expect(github).toMatchObject({
      actor: 'Ada',
      api_url: 'https://api.github.com',
      event_name: 'push',
      ref: 'refs/heads/feature/x',
      ref_name: 'feature/x',
      ref_type: 'branch',
      repository: 'octo/project',
      repository_owner: 'octo',
      run_id: '7',
      server_url: 'https://github.com',
      sha: SHA,
      workflow: 'CI',
      workflow_ref: 'octo/project/.github/workflows/ci.yml@refs/heads/feature/x',
    });
    expect(event).toMatchObject({ ref: 'refs/heads/feature/x', after: SHA, repository: { full_name: 'octo/project' } });
    expect(JSON.stringify(github)).not.toContain('secret@');
  });

  it('is sensible outside of git', () => {
    expect(
      contextOf({ git: null, workspace: '/tmp/my folder', workflowFile: '/tmp/my folder/w.yml' }).github,
    ).toMatchObject({
      actor: 'ada',
      ref: 'refs/heads/main',
      repository: 'local/my-folder',
      sha: '0'.repeat(40),
      workflow_ref: 'local/my-folder/w.yml@refs/heads/main',
    });
  });

  it('names a workflow without a name by its file, and takes one from elsewhere for one of its own', () => {
    expect(contextOf({ workflowName: null }).github.workflow).toBe('.github/workflows/ci.yml');
    expect(contextOf({ workflowName: null, workflowFile: '/tmp/other.yml' }).github).toMatchObject({
      workflow: '.github/workflows/other.yml',
      workflow_ref: 'octo/project/.github/workflows/other.yml@refs/heads/feature/x',
    });
  });

  it('knows a tag', () => {
    const { github } = contextOf({ git: { ...GIT, ref: 'refs/tags/v1' } });
    expect(github).toMatchObject({ ref_type: 'tag', ref_name: 'v1' });
  });

  it('makes up a pull request into the default branch', () => {
    expect(contextOf({ eventName: 'pull_request' }).github).toMatchObject({
      base_ref: 'trunk',
      head_ref: 'feature/x',
      ref: 'refs/pull/1/merge',
      ref_name: '1/merge',
    });
    expect(contextOf({ eventName: 'pull_request_target' }).github.ref).toBe('refs/heads/trunk');
  });

  it('lets a payload of the user say what happened', () => {
    const pushed = contextOf({ payload: { ref: 'refs/tags/v2', after: 'b'.repeat(40), extra: [1] } });
    expect(pushed.github).toMatchObject({ ref: 'refs/tags/v2', sha: 'b'.repeat(40), ref_type: 'tag' });
    expect(pushed.event.extra).toEqual([1]);
    const payload = { number: 12, pull_request: { base: { ref: 'release' }, head: { ref: 'fix' } } };
    expect(contextOf({ eventName: 'pull_request', payload }).github).toMatchObject({
      base_ref: 'release',
      head_ref: 'fix',
      ref: 'refs/pull/12/merge',
    });
  });

  it('carries inputs as texts in the payload', () => {
    const inputs = { count: 3, dry: true, name: 'x' };
    expect(contextOf({ eventName: 'workflow_dispatch', inputs }).event.inputs).toEqual({
      count: '3',
      dry: 'true',
      name: 'x',
    });
  });
});

describe("a remote's address", () => {
  it.each([
    ['https://github.com/o/r.git', 'o/r', 'https://github.com'],
    ['https://token@github.com/o/r', 'o/r', 'https://github.com'],
    ['git@github.com:o/r.git', 'o/r', 'https://github.com'],
    ['ssh://git@git.example.org:2222/o/r.git', 'o/r', 'https://git.example.org'],
    ['http://localhost:3000/o/r/', 'o/r', 'http://localhost:3000'],
    ['https://gitlab.com/group/sub/r.git', 'sub/r', 'https://gitlab.com'],
  ])('%s is %s on %s', (url, fullName, serverUrl) => {
    expect(repositoryOf(url)).toEqual({ fullName, serverUrl });
  });

  it.each(['/srv/git/r.git', '../r', 'file:///srv/o/r.git', 'C:\\repos\\r', 'https://example.org/r', ''])(
    '%j names no owner',
    (url) => {
      expect(repositoryOf(url)).toBeNull();
    },
  );
});
