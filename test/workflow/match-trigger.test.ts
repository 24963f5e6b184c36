import { describe, expect, it } from '@jest/globals';
import type { TriggerPlan } from '../../src/protocol/plan.ts';
import { matchesAny, matchesPattern } from '../../src/workflow/filter-pattern.ts';
import { type TriggerFacts, whyNotTriggered } from '../../src/workflow/match-trigger.ts';

// GitHub docs, workflow syntax, "filter pattern cheat sheet": every row.
describe('a filter pattern', () => {
  it.each([
    ['feature/*', ['feature/my-branch', 'feature/your-branch'], ['feature/a/b', 'feature']],
    ['feature/**', ['feature/beta-a/my-branch', 'feature/your-branch'], ['feature']],
    ['main', ['main'], ['mainly', 'a/main']],
    ['*', ['main', 'releases'], ['all/the/branches']],
    ['**', ['all/the/branches', 'every/tag', 'main'], []],
    ['*feature', ['mona-feature', 'feature', 'ver-10-feature'], ['a/feature']],
    ['v2*', ['v2', 'v2.0', 'v2.9'], ['v1']],
    ['v[12].[0-9]+.[0-9]+', ['v1.10.1', 'v2.0.0'], ['v3.0.0', 'v1.0', 'v1.0.x']],
    ['*.jsx?', ['page.js', 'page.jsx'], ['page.jsxx', 'a/page.js']],
    ['**.js', ['index.js', 'js/index.js', 'src/js/app.js'], ['index.ts']],
    ['docs/*', ['docs/README.md', 'docs/file.txt'], ['docs/a/b.txt']],
    ['docs/**', ['docs/README.md', 'docs/mona/octocat.txt'], ['docs']],
    ['docs/**/*.md', ['docs/README.md', 'docs/mona/hello-world.md', 'docs/a/markdown/file.md'], ['docs/a.txt']],
    ['**/docs/**', ['docs/hello.md', 'dir/docs/my-file.txt', 'space/docs/plan/space.doc'], ['xdocs/a']],
    ['**/**/a', ['a', 'x/a', 'x/y/a'], ['xa']],
    ['**/README.md', ['README.md', 'js/README.md'], ['XREADME.md']],
    ['**/*src/**', ['a/src/app.js', 'my-src/code/js/app.js'], ['srcx/a']],
    ['**/*-post.md', ['my-post.md', 'path/their-post.md'], ['post.md']],
    ['**/migrate-*.sql', ['migrate-10909.sql', 'db/sept/migrate-v1.sql'], ['migrate.sql']],
    ['release.1', ['release.1'], ['releasex1']],
    ['a\\*b', ['a*b'], ['axb']],
    ['[ab]+', ['a', 'abba'], ['c', '']],
    ['a?', ['', 'a'], ['aa']],
    ['?x', ['?x'], ['x']],
    ['a++', ['aa+', 'a+'], ['aa']],
    ['[z-a]', [], ['z', 'a', '[z-a]']],
    ['日本*', ['日本語'], ['日']],
  ])('%s', (pattern, matching, other) => {
    expect(matching.filter((text) => !matchesPattern(pattern, text))).toEqual([]);
    expect(other.filter((text) => matchesPattern(pattern, text))).toEqual([]);
  });

  it('with many stars is no burden', () => {
    // With backtracking it would not end while anybody waits.
    expect(matchesPattern(`${'**/'.repeat(30)}x`, 'a/'.repeat(60))).toBe(false);
  });

  it('with ! takes back what earlier ones let in, and a later one lets it in again', () => {
    const patterns = ['releases/**', '!releases/**-alpha', 'releases/9-alpha'];
    expect(
      ['releases/10', 'releases/10-alpha', 'releases/9-alpha', 'main'].map((name) => matchesAny(patterns, name)),
    ).toEqual([true, false, true, false]);
    expect(matchesAny(['!main'], 'other')).toBe(false);
  });
});

const NONE: TriggerPlan = {
  ...{ types: null, branches: null, branchesIgnore: null, tags: null, tagsIgnore: null, paths: null },
  ...{ pathsIgnore: null, workflows: null, schedules: [], inputs: {}, secrets: {}, outputs: {} },
};

function triggered(trigger: Partial<TriggerPlan>, facts: Partial<TriggerFacts>): boolean {
  const pushed: TriggerFacts = {
    ...{ event: 'push', ref: 'refs/heads/main', baseRef: '', action: null, workflow: null, changedFiles: null },
    ...facts,
  };
  return whyNotTriggered({ [pushed.event]: { ...NONE, ...trigger } }, pushed) === null;
}

describe('the filters under on', () => {
  it('hold back an event that the workflow does not name', () => {
    const facts = { event: 'release', ref: '', baseRef: '', action: null, workflow: null, changedFiles: null };
    expect(whyNotTriggered({ push: NONE }, facts)).toBe("the workflow is not started by 'release'");
  });

  it.each([
    [{}, 'refs/heads/main', true],
    [{}, 'refs/tags/v1', true],
    [{ branches: ['main'] }, 'refs/heads/main', true],
    [{ branches: ['main'] }, 'refs/heads/other', false],
    [{ branches: ['main'] }, 'refs/tags/main', false],
    [{ branchesIgnore: ['main'] }, 'refs/heads/main', false],
    [{ branchesIgnore: ['main'] }, 'refs/heads/other', true],
    [{ branchesIgnore: ['main'] }, 'refs/tags/v1', false],
    [{ tags: ['v*'] }, 'refs/tags/v1', true],
    [{ tags: ['v*'] }, 'refs/tags/x', false],
    [{ tags: ['v*'] }, 'refs/heads/v1', false],
    [{ tagsIgnore: ['v*'] }, 'refs/tags/v1', false],
    [{ branches: ['main'], tags: ['v*'] }, 'refs/tags/v1', true],
    [{ branches: ['main'], tags: ['v*'] }, 'refs/heads/main', true],
  ])('%j and a push of %s: %s', (trigger, ref, starts) => {
    expect(triggered(trigger, { ref })).toBe(starts);
  });

  it.each([
    [{ paths: ['src/**'] }, ['README.md', 'src/a.ts'], true],
    [{ paths: ['src/**', '!src/**.md'] }, ['src/a.md'], false],
    [{ paths: ['src/**'] }, [], false],
    [{ paths: ['src/**'] }, null, true],
    [{ pathsIgnore: ['docs/**'] }, ['docs/a.md'], false],
    [{ pathsIgnore: ['docs/**'] }, ['docs/a.md', 'src/a.ts'], true],
    [{ pathsIgnore: ['docs/**'] }, [], true],
  ])('%j and changes of %j: %s', (trigger, changedFiles, starts) => {
    expect(triggered(trigger, { changedFiles })).toBe(starts);
    if (!starts) expect(triggered({ ...trigger, tags: ['**'] }, { changedFiles, ref: 'refs/tags/v1' })).toBe(true);
  });

  it('look at the branch that a pull request wants to go into', () => {
    const facts = { event: 'pull_request', ref: 'refs/pull/1/merge', baseRef: 'main' };
    expect(triggered({ branches: ['main'] }, facts)).toBe(true);
    expect(triggered({ branches: ['other'] }, facts)).toBe(false);
  });

  it('take opened, synchronize and reopened for a pull request without types', () => {
    const facts = { event: 'pull_request', baseRef: 'main' };
    expect(triggered({}, { ...facts, action: 'opened' })).toBe(true);
    expect(triggered({}, { ...facts, action: 'labeled' })).toBe(false);
    expect(triggered({ types: ['labeled'] }, { ...facts, action: 'labeled' })).toBe(true);
    expect(triggered({ types: ['published'] }, { event: 'release', action: null })).toBe(true);
  });

  it('know the workflows that a workflow_run waits for', () => {
    const facts = { event: 'workflow_run', workflow: 'Build' };
    expect(triggered({ workflows: ['Build'] }, facts)).toBe(true);
    expect(triggered({ workflows: ['Test'] }, facts)).toBe(false);
  });
});
