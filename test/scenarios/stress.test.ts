/** Scenarios 116 to 121: races, many times. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

describe('races', () => {
  it('116: ten steps that write everything at once, many times, end in one determined environment', async () => {
    const rounds = 20;
    const round = (n: number): string =>
      [
        ...Array.from({ length: 10 }, (_, m) => {
          const id = `r${String(n)}s${String(m)}`;
          const script = `echo LAST=${id} >> "$GITHUB_ENV"; echo "$PWD/${id}" >> "$GITHUB_PATH"; echo v=${id} >> "$GITHUB_OUTPUT"`;
          return `- { id: ${id}, background: true, shell: sh, run: '${script}' }`;
        }),
        '- wait-all:',
        `- { id: check${String(n)}, shell: sh, run: 'echo "$LAST \${PATH%%:*}"' }`,
      ].join('\n');
    const run = await runWorkflow(jobOf(Array.from({ length: rounds }, (_, n) => round(n)).join('\n')));
    expect(run.exitCode).toBe(0);
    for (let n = 0; n < rounds; n++) {
      const last = `r${String(n)}s9`;
      expect(run.printed(`check${String(n)}`)).toEqual([`${last} ${run.directory}/${last}`]);
    }
  }, 60_000);

  it('117: a step that ends as its wait begins is completed and committed once', async () => {
    const waits = Array.from({ length: 20 }, (_, n) => {
      const id = `s${String(n)}`;
      return [
        `- { id: ${id}, background: true, shell: sh, run: 'echo "$PWD/${id}" >> "$GITHUB_PATH"; sleep 0.0${String(n % 10)}' }`,
        `- { shell: sh, run: sleep 0.0${String(n % 7)} }`,
        `- wait: ${id}`,
      ].join('\n');
    });
    const run = await runWorkflow(jobOf([...waits, '- { id: show, shell: sh, run: \'echo "$PATH"\' }'].join('\n')));
    expect(run.exitCode).toBe(0);
    const entries = run
      .printed('show')[0]!
      .split(':')
      .filter((entry) => entry.startsWith(`${run.directory}/s`));
    expect(entries).toEqual(Array.from({ length: 20 }, (_, n) => `${run.directory}/s${String(19 - n)}`));
    for (let n = 0; n < 20; n++) {
      const completed = run.events.filter(
        (event) => event.type === 'step' && event.state === 'completed' && event.step.id === `s${String(n)}`,
      );
      expect(completed).toHaveLength(1);
    }
  });

  it('118, 119: a step that ends, or gets its slot, as its cancel begins is the same everywhere', async () => {
    const rounds = 20;
    const steps = Array.from({ length: rounds }, (_, n) => [
      `- { id: first${String(n)}, background: true, shell: sh, run: sleep 0.0${String(n % 10)} }`,
      `- { id: second${String(n)}, background: true, shell: sh, run: sleep 0.01 }`,
      `- { shell: sh, run: sleep 0.0${String(n % 8)} }`,
      `- cancel: first${String(n)}`,
      `- cancel: second${String(n)}`,
      `- { id: show${String(n)}, shell: sh, run: 'echo "\${{ steps.first${String(n)}.conclusion }} \${{ steps.second${String(n)}.conclusion }}"' }`,
    ]);
    const run = await runWorkflow(jobOf(steps.flat().join('\n')), { args: ['--max-background', '1'] });
    expect(run.exitCode).toBe(0);
    for (let n = 0; n < rounds; n++) {
      const reported = [`first${String(n)}`, `second${String(n)}`].map((id) => run.step(id).conclusion);
      expect(run.printed(`show${String(n)}`)).toEqual([reported.join(' ')]);
      for (const conclusion of reported) expect(['success', 'cancelled']).toContain(conclusion);
    }
  });

  it('120: ten local composite actions prepared at once', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 10 }, (_, n) => [
        `actions/a${String(n)}/action.yml`,
        `runs: { using: composite, steps: [{ shell: bash, run: "echo action ${String(n)}" }] }`,
      ]),
    );
    const children = Array.from({ length: 10 }, (_, n) => `    - { id: a${String(n)}, uses: ./actions/a${String(n)} }`);
    const run = await runWorkflow(jobOf(['- parallel:', ...children].join('\n')), { files });
    expect(run.exitCode).toBe(0);
    for (let n = 0; n < 10; n++) expect(run.log(`a${String(n)}`)).toContain(`action ${String(n)}`);
  });

  it('121: post steps of steps that ran side by side run once, in reverse order of declaration', async () => {
    const action = (n: number): Record<string, string> => ({
      [`p${String(n)}/action.yml`]: 'runs: { using: node20, main: main.js, post: post.js }',
      [`p${String(n)}/main.js`]: `setTimeout(() => {}, ${String(n === 0 ? 300 : 0)})`,
      [`p${String(n)}/post.js`]: '',
    });
    const run = await runWorkflow(jobOf('- parallel:\n    - uses: ./p0\n    - uses: ./p1\n    - uses: ./p2'), {
      files: { ...action(0), ...action(1), ...action(2) },
    });
    const posts = run.report.jobs[0]!.steps.filter(({ kind }) => kind === 'post').map(({ name }) => name);
    expect(posts).toEqual(['Post Run ./p2', 'Post Run ./p1', 'Post Run ./p0']);
  });
});
