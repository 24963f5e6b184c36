/** Scenarios 107 to 115: logs, masks, annotations. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

describe('logs', () => {
  it('107: each step log is complete and its own; the combined output has whole lines only', async () => {
    const count = 10_000;
    const printer = (id: string): string => `seq -f "${id} line %.0f" 1 ${String(count)}`;
    const run = await runWorkflow(
      jobOf(`
        - { id: bg, name: one, background: true, run: '${printer('bg')}' }
        - { id: fg, name: other, run: '${printer('fg')}' }
        - wait: bg
      `),
    );
    for (const id of ['bg', 'fg']) {
      expect(run.printed(id)).toEqual(Array.from({ length: count }, (_, n) => `${id} line ${String(n + 1)}`));
      const combined = run.stdout
        .split('\n')
        .filter((line) => line.includes(`${id} line `) && !line.includes('seq -f'));
      expect(combined.map((line) => line.slice(line.indexOf(`${id} line `)))).toEqual(run.printed(id));
    }
  });

  it('114: numbers follow declaration, not completion', async () => {
    const run = await runWorkflow(
      jobOf('- { id: a, background: true, run: sleep 0.5 }\n- { id: b, run: "true" }\n- { id: w, wait: a }'),
    );
    const numbers = run.report.jobs[0]!.steps.map(({ number }) => number);
    expect(numbers).toEqual(numbers.map((_, n) => n + 1));
    expect(run.step('a').number).toBe(run.step('b').number - 1);
  });

  it('115: the log of a wait names its targets and then their results', async () => {
    const run = await runWorkflow(
      jobOf(`
        - { id: a, name: Build it, background: true, run: "true" }
        - { id: b, name: Test it, background: true, continue-on-error: true, run: exit 1 }
        - { id: w, wait: [a, b] }
      `),
    );
    const lines = run.log('w').split('\n');
    expect(lines[0]).toMatch(/Build it.*Test it/);
    expect(lines.slice(1).filter((line) => /Build it/.test(line))).toHaveLength(1);
    expect(lines.slice(1).filter((line) => /Test it/.test(line))).toHaveLength(1);
  });
});

describe('masks', () => {
  it('108: a mask of a background step hides the value in a foreground step', async () => {
    const run = await runWorkflow(
      jobOf(`
        - id: bg
          background: true
          run: |
            secret=$(printf 'hun%s' ter2)
            echo "::add-mask::$secret"
            sleep 0.2
            touch masked
            sleep 0.5
        - id: fg
          run: |
            until [ -e masked ]; do sleep 0.02; done
            printf 'the password is hun%s\\n' ter2
      `),
    );
    expect(run.printed('fg')).toEqual(['the password is ***']);
    expect(run.stdout + run.stderr + JSON.stringify(run.report) + JSON.stringify(run.events)).not.toContain('hunter2');
  });

  it('109: once a mask was registered no later line of any step shows the value', async () => {
    const rounds = 300;
    const run = await runWorkflow(
      jobOf(`
        - id: bg
          background: true
          run: |
            for n in $(seq 1 ${String(rounds)}); do
              echo "::add-mask::$(printf 'secret-%s-%s' value $n)"
              echo "registered $n"
              printf 'mine is secret-%s-%s\\n' value $n
            done
            sleep 0.3
            touch all-masked
        - id: fg
          run: |
            until [ -e all-masked ]; do sleep 0.02; done
            for n in $(seq 1 ${String(rounds)}); do printf 'yours is secret-%s-%s\\n' value $n; done
      `),
    );
    expect(run.printed('fg')).toEqual(Array.from({ length: rounds }, () => 'yours is ***'));
    expect(run.printed('bg').filter((line) => line.startsWith('mine'))).toEqual(
      Array.from({ length: rounds }, () => 'mine is ***'),
    );
  });
});

describe('commands and annotations', () => {
  it('110: stop-commands in one step does not stop the commands of another', async () => {
    const run = await runWorkflow(
      jobOf(`
        - id: bg
          background: true
          run: |
            echo "::stop-commands::a-long-token"
            touch stopped
            until [ -e printed ]; do sleep 0.02; done
        - id: fg
          run: |
            until [ -e stopped ]; do sleep 0.02; done; sleep 0.2
            echo "::error::from the foreground"
            touch printed
      `),
    );
    expect(run.step('fg').annotations).toMatchObject([{ level: 'error', message: 'from the foreground' }]);
  });

  it('111: an annotation belongs to the step that made it', async () => {
    const run = await runWorkflow(
      jobOf('- { id: bg, background: true, run: "echo ::error file=a.c,line=3::broken" }\n- { id: w, wait: bg }'),
    );
    expect(run.step('bg').annotations).toMatchObject([{ level: 'error', message: 'broken', file: 'a.c', line: 3 }]);
    expect(run.step('w').annotations).toEqual([]);
  });

  it('112: a problem matcher acts at once on steps that run already', async () => {
    const matcher = { problemMatcher: [{ owner: 'm', pattern: [{ regexp: '^PROBLEM (.*)$', message: 1 }] }] };
    const run = await runWorkflow(
      jobOf(`
        - id: bg
          background: true
          run: |
            until [ -e fg-runs ]; do sleep 0.02; done
            echo "::add-matcher::matcher.json"
            sleep 0.3
            touch added
        - id: fg
          run: |
            touch fg-runs
            until [ -e added ]; do sleep 0.02; done
            echo "PROBLEM here"
      `),
      { files: { 'matcher.json': JSON.stringify(matcher) } },
    );
    expect(run.step('fg').annotations).toMatchObject([{ level: 'error', message: 'here' }]);
  });

  it('113: a summary is there once, however many waits covered the step', async () => {
    const run = await runWorkflow(
      jobOf('- { id: bg, background: true, run: \'echo "# Done" >> "$GITHUB_STEP_SUMMARY"\' }\n- wait: bg\n- wait: bg'),
    );
    expect(run.step('bg').summary).toBe('# Done\n');
    expect(run.report.jobs[0]!.steps.filter(({ summary }) => summary !== null)).toHaveLength(1);
  });
});
