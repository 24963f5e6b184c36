/** Scenarios 35 to 51: what later steps see of a background step, and when. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

/** Waits, in a foreground step, until the background step has written everything and ended its script. */
const UNTIL_DONE = '- { run: "until [ -e done ]; do sleep 0.02; done; sleep 0.3" }';

describe('nothing is visible before a barrier, everything after it', () => {
  it('35, 38, 39: outputs, outcome and conclusion', async () => {
    const show = 'echo "[${{ steps.a.outputs.v }}|${{ steps.a.outcome }}|${{ steps.a.conclusion }}]"';
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: 'echo v=1 >> "$GITHUB_OUTPUT"; touch done' }
        ${UNTIL_DONE}
        - { id: before, run: '${show}' }
        - wait: a
        - { id: after, run: '${show}' }
      `),
    );
    expect(run.printed('before')).toEqual(['[||]']);
    expect(run.printed('after')).toEqual(['[1|success|success]']);
  });

  it('36: environment', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: 'echo FOO=1 >> "$GITHUB_ENV"; touch done' }
        ${UNTIL_DONE}
        - { id: before, run: 'echo "[$FOO|\${{ env.FOO }}]"' }
        - wait: a
        - { id: after, run: 'echo "[$FOO|\${{ env.FOO }}]"' }
      `),
    );
    expect(run.printed('before')).toEqual(['[|]']);
    expect(run.printed('after')).toEqual(['[1|1]']);
  });

  it('37: PATH', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: 'echo "$PWD/bin" >> "$GITHUB_PATH"; touch done' }
        ${UNTIL_DONE}
        - { id: before, run: 'command -v paceline-test-tool || echo none' }
        - wait: a
        - { id: after, run: paceline-test-tool }
      `),
      { files: { 'bin/paceline-test-tool': '#!/bin/sh\necho the tool\n' } },
    );
    expect(run.printed('before')).toEqual(['none']);
    expect(run.printed('after')).toEqual(['the tool']);
  });

  it('40: cancel of a step that has ended is a barrier too', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: 'echo v=1 >> "$GITHUB_OUTPUT"; touch done' }
        ${UNTIL_DONE}
        - cancel: a
        - { id: after, run: 'echo "[\${{ steps.a.outputs.v }}]"' }
      `),
    );
    expect(run.printed('after')).toEqual(['[1]']);
  });

  it('41: the implicit barrier is enough for post steps and job outputs', async () => {
    const run = await runWorkflow(
      jobOf(
        `
        - uses: ./with-post
        - { id: a, background: true, run: 'echo v=1 >> "$GITHUB_OUTPUT"; echo FOO=2 >> "$GITHUB_ENV"' }
      `,
        'outputs: { v: "${{ steps.a.outputs.v }}" }',
      ),
      {
        files: {
          'with-post/action.yml': 'runs: { using: node20, main: main.js, post: post.js }',
          'with-post/main.js': '',
          'with-post/post.js': 'console.log(`[${process.env.FOO}]`)',
        },
      },
    );
    expect(run.report.jobs[0]!.outputs).toEqual({ v: '1' });
    expect(run.log('Post Run ./with-post')).toContain('[2]');
  });
});

describe('the order of commits', () => {
  const both = (barrier: string): string =>
    jobOf(`
      - { id: a, background: true, run: 'until [ -e b-done ]; do sleep 0.02; done; echo FOO=a >> "$GITHUB_ENV"' }
      - { id: b, background: true, run: 'echo FOO=b >> "$GITHUB_ENV"; touch b-done' }
      - ${barrier}
      - { id: show, run: 'echo "$FOO"' }
    `);

  it('42: a wait commits in the order of its list, whoever ended first', async () => {
    expect((await runWorkflow(both('wait: [b, a]'))).printed('show')).toEqual(['a']);
    expect((await runWorkflow(both('wait: [a, b]'))).printed('show')).toEqual(['b']);
  });

  it('43: wait-all commits in declared order', async () => {
    expect((await runWorkflow(both('wait-all:'))).printed('show')).toEqual(['b']);
  });

  it('44: waiting again does not undo what came between', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: 'echo FOO=1 >> "$GITHUB_ENV"' }
        - wait: a
        - { run: 'echo FOO=2 >> "$GITHUB_ENV"' }
        - wait: a
        - { id: show, run: 'echo "$FOO"' }
      `),
    );
    expect(run.printed('show')).toEqual(['2']);
  });

  it('45: two hundred steps that write outputs at once keep them apart', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => `s${String(n)}`);
    const run = await runWorkflow(
      jobOf(
        [
          ...ids.map((id) => `- { id: ${id}, background: true, shell: sh, run: 'echo "v=${id}" >> "$GITHUB_OUTPUT"' }`),
          '- wait-all:',
        ].join('\n'),
      ),
    );
    for (const id of ids) expect(run.step(id).outputs).toEqual({ v: id });
  });
});

describe('composite actions are isolated too', () => {
  const composite = {
    'composite/action.yml': `
outputs:
  v: { value: "\${{ steps.inner.outputs.v }}" }
runs:
  using: composite
  steps:
    - id: inner
      shell: bash
      run: |
        echo v=1 >> "$GITHUB_OUTPUT"
        echo FOO=1 >> "$GITHUB_ENV"
        echo "$PWD/inner-bin" >> "$GITHUB_PATH"
    - id: second
      shell: bash
      run: |
        echo "inside: [$FOO]"
        case ":$PATH:" in *inner-bin*) echo "inside: on PATH";; esac
        touch done
`,
  };

  it('46, 47: its env, PATH and outputs show after the barrier only', async () => {
    const show = `'echo "[$FOO|\${{ steps.c.outputs.v }}]"; case ":$PATH:" in *inner-bin*) echo on PATH;; esac'`;
    const run = await runWorkflow(
      jobOf(`
        - { id: c, background: true, uses: ./composite }
        ${UNTIL_DONE}
        - { id: before, run: ${show} }
        - wait: c
        - { id: after, run: ${show} }
      `),
      { files: composite },
    );
    expect(run.printed('before')).toEqual(['[|]']);
    expect(run.printed('after')).toEqual(['[1|1]', 'on PATH']);
    expect(run.log('c')).toContain('inside: [1]');
    expect(run.log('c')).toContain('inside: on PATH');
  });
});

describe('what belongs to the step itself', () => {
  it('48: a post step reads the state its background main saved, without a wait', async () => {
    const run = await runWorkflow(jobOf('- { id: a, background: true, uses: ./stateful }'), {
      files: {
        'stateful/action.yml': 'runs: { using: node20, main: main.js, post: post.js }',
        'stateful/main.js': "require('fs').appendFileSync(process.env.GITHUB_STATE, 'token=kept\\n')",
        'stateful/post.js': 'console.log(`[${process.env.STATE_token}]`)',
      },
    });
    expect(run.exitCode).toBe(0);
    expect(run.log('Post Run ./stateful')).toContain('[kept]');
  });

  it('49: steps that start together each read a whole event file', async () => {
    const child = `{ shell: sh, run: 'test "$(head -c 1 "$GITHUB_EVENT_PATH")" = "{" && tail -c 3 "$GITHUB_EVENT_PATH" | grep -q "}" && echo spoilt > "$GITHUB_EVENT_PATH"' }`;
    const group = `- parallel:\n    - ${child}\n    - ${child}`;
    const run = await runWorkflow(jobOf(Array.from({ length: 100 }, () => group).join('\n')));
    expect(run.exitCode).toBe(0);
  });

  it('50: two variables that differ in case are two variables', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: 'echo foo=1 >> "$GITHUB_ENV"; echo FOO=2 >> "$GITHUB_ENV"' }
        - wait: a
        - { id: show, run: 'echo "$foo $FOO"' }
      `),
    );
    expect(run.printed('show')).toEqual(['1 2']);
  });

  it('51: an unterminated heredoc fails the step, and its wait', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, background: true, run: 'printf "v<<EOF\\nline\\n" >> "$GITHUB_OUTPUT"' }
        - { id: w, wait: a }
      `),
    );
    expect(run.step('a')).toMatchObject({ conclusion: 'failure', reason: 'command-error', exitCode: 0 });
    expect(
      run
        .step('a')
        .annotations.map(({ message }) => message)
        .join('\n'),
    ).toMatch(/EOF/);
    expect(run.step('w')).toMatchObject({ conclusion: 'failure' });
    expect(run.exitCode).toBe(1);
  });
});
