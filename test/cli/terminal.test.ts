import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CommandLine } from './command-line.ts';
import { Terminal } from './terminal.ts';

const SIZE = { columns: 100, rows: 30 };

let line: CommandLine;
beforeAll(async () => {
  line = await CommandLine.open({
    'two.yml': `
name: Two at once
on: push
jobs:
  j:
    runs-on: x
    steps:
      - parallel:
          - { name: One, run: "echo first; until [ -e two ]; do sleep 0.05; done; touch one; sleep 0.7" }
          - { name: Two, run: "touch two; until [ -e one ]; do sleep 0.05; done; echo second" }
      - { name: Last, run: "echo the end; exit 3" }
`,
    'stubborn.yml': `
on: push
jobs:
  j:
    runs-on: x
    steps:
      - { name: Stubborn, run: "trap 'echo asked' INT; trap '' TERM; echo ready; while :; do sleep 0.05 || true; done" }
      - { name: Clean, if: always(), run: touch cleaned }
`,
  });
});
afterAll(() => line.close());

describe('on a terminal', () => {
  it('the live view ends in a picture of every step, then what failed, the chart and the total', async () => {
    const terminal = new Terminal(line, ['run', 'two.yml'], SIZE);
    expect(await terminal.exited).toBe(1);
    const shown = terminal.screen.shown.map((text) => text.replace(/\d+\.\ds/g, 'T').replace(/(?<=\S) +/g, ' '));
    expect(shown).toEqual([
      'Two at once T',
      '✗ j T',
      '   ✓ Set up job T',
      ' ┃ ✓ One T first',
      ' ┃ ✓ Two T second',
      '   ✓ Parallel group T Two: success',
      '   ✗ Last T exit code 3',
      expect.stringMatching(/^ {3}✓ Complete job T/),
      '',
      '✗ j / Last failed: exit code 3',
      '  │ the end',
      '  │ Error: Process completed with exit code 3.',
      '',
      expect.stringMatching(/^✓ One T █/),
      expect.stringMatching(/^✓ Two T █/),
      expect.stringMatching(/^✓ Parallel group T █/),
      expect.stringMatching(/^✗ Last T [▏▎▍▌▋▊▉█]/),
      '',
      '✗ Two at once: failure in T (1 job, 6 steps)',
    ]);
    expect(terminal.screen.cursorVisible).toBe(true);
  });

  it('background steps are shown side by side while they run', async () => {
    const terminal = new Terminal(line, ['run', 'two.yml'], SIZE);
    await terminal.exited;
    // eslint-disable-next-line no-control-regex -- colours
    const text = terminal.output.replace(/\u001b\[[\d;]*m/g, '');
    expect(text).toMatch(/ ┃ [⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] One [^\n]*\n ┃ [⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏✓] Two/);
  });

  it('Ctrl-C once cancels and says what the next one does, twice ends at once, and the cursor comes back', async () => {
    const terminal = new Terminal(line, ['run', 'stubborn.yml'], SIZE);
    await terminal.sent('ready');
    terminal.interrupt();
    await terminal.sent('Ctrl-C again ends the steps at once.');
    await terminal.sent('asked');
    terminal.interrupt();
    expect(await terminal.exited).toBe(3);
    expect(terminal.screen.cursorVisible).toBe(true);
    const text = terminal.screen.shown.join('\n');
    expect(text).toMatch(/⊘ Stubborn/);
    expect(text).toMatch(/– Clean/);
    expect(text).toMatch(/⊘ stubborn\.yml: cancelled by user in /);
  });

  it('quiet means no live view', async () => {
    const terminal = new Terminal(line, ['run', 'two.yml', '--quiet'], SIZE);
    expect(await terminal.exited).toBe(1);
    expect(terminal.output).not.toContain('\u001b[?25l');
    expect(terminal.screen.shown[0]).toBe('✗ j / Last failed: exit code 3');
  });

  it('--no-color draws without colours', async () => {
    const terminal = new Terminal(line, ['run', 'two.yml', '--no-color'], SIZE);
    await terminal.exited;
    // eslint-disable-next-line no-control-regex -- colours
    expect(terminal.output).not.toMatch(/\u001b\[[\d;]*m/);
  });
});
