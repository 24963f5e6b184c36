import { describe, expect, it } from '@jest/globals';
import { PlainView } from '../../src/local/plain-view.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import { RunModel } from '../../src/local/run-model.ts';
import { FakeOutput, job, jobCompleted, jobStarted, running, started, step, stepIs } from './recorded-events.ts';

function opened(colour = false): {
  show: (event: RunEvent) => void;
  print: (step: number, text: string) => void;
  view: PlainView;
  output: FakeOutput;
  notices: FakeOutput;
} {
  const model = new RunModel({ name: '', path: '' });
  const output = new FakeOutput();
  const notices = new FakeOutput();
  const view = new PlainView(model, output, notices, colour);
  return {
    output,
    notices,
    view,
    show(event) {
      model.apply(event);
      view.event(event);
    },
    print: (number, text) => view.output('build', number, Buffer.from(text)),
  };
}

describe('the plain view', () => {
  it('prefixes every line by job and step, and says how steps and jobs ended', () => {
    const { show, print, output } = opened();
    const test = step(1, 'Test', 0, 1_500, { outcome: 'failure', conclusion: 'failure', exitCode: 2 });
    show(started('CI', { id: 'build' }));
    show(jobStarted('build'));
    show(stepIs('build', 'running', running(test)));
    print(1, 'one\ntwo\n');
    print(1, '\nthree ä日\n');
    show(stepIs('build', 'completed', test));
    show(
      stepIs(
        'build',
        'completed',
        step(2, 'Upload', 0, 0, { startedAt: null, outcome: 'skipped', conclusion: 'skipped' }),
      ),
    );
    show(jobCompleted('build', job('build', [], { conclusion: 'failure' })));
    expect(output.text.split('\n')).toEqual([
      'CI (CI.yml)',
      'build | started',
      'build/Test | one',
      'build/Test | two',
      'build/Test | ',
      'build/Test | three ä日',
      'build | Test: failure in 1.5s (exit code 2)',
      'build | Upload: skipped',
      'build | failure in 10.0s',
      '',
    ]);
  });

  it('keeps groups and the bytes of steps as they are', () => {
    const { show, print, output } = opened();
    show(stepIs('build', 'running', running(step(1, 'Test', 0, 0))));
    print(1, '##[group]Files\n\u001b[31mred\u001b[0m $& \\1\n##[endgroup]\n');
    expect(output.text).toBe(
      'build/1 | ##[group]Files\nbuild/1 | \u001b[31mred\u001b[0m $& \\1\nbuild/1 | ##[endgroup]\n',
    );
  });

  it('takes the colour out of the header that says what is run, and nothing else', () => {
    const header = '##[group]Run make\n\u001b[36;1mmake\u001b[0m\nshell: bash\n##[endgroup]\n';
    const plain = opened();
    plain.print(1, header);
    plain.print(1, '\u001b[36;1mof the step\u001b[0m\n');
    expect(plain.output.text.split('\n').map((line) => line.replace('build/1 | ', ''))).toEqual([
      '##[group]Run make',
      'make',
      'shell: bash',
      '##[endgroup]',
      '\u001b[36;1mof the step\u001b[0m',
      '',
    ]);
    const coloured = opened(true);
    coloured.print(1, header);
    expect(coloured.output.text).toContain('\u001b[36;1mmake\u001b[0m');
  });

  it('says what is meant for the person elsewhere than the log', () => {
    const { view, output, notices } = opened();
    view.notice('Cancelling.');
    expect([output.text, notices.text]).toEqual(['', 'Cancelling.\n']);
  });

  it('cuts a long name in the prefix', () => {
    const { show, print, output } = opened();
    show(started('CI', { id: 'build' }));
    show(jobStarted('build'));
    show(stepIs('build', 'running', running(step(1, 'x'.repeat(100), 0, 0))));
    print(1, 'hello\n');
    expect(output.text).toContain(`build/${'x'.repeat(39)}… | hello\n`);
  });
});
