import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CaseFileProblem, readCaseFile } from './case-file.ts';
import { MemoryHost } from './memory-host.ts';
import { runCase } from './run-case.ts';

const CHAIN = [
  { id: 'A', do: { ticks: 2 } },
  { id: 'B', needs: ['A'], do: { ticks: 3, out: { k: 'v' } } },
];
const PAIR = [
  { id: 'A', do: { ticks: 2 } },
  { id: 'B', do: { ticks: 3 } },
];

describe('the runner of cases', () => {
  it.each<[string, unknown[], Record<string, unknown>, string]>([
    ['the conclusion', CHAIN, { run: 'failure' }, 'run: expected failure, got success'],
    ['a status', CHAIN, { jobs: { B: 'skipped' } }, 'jobs.B: expected skipped, got success'],
    ['a job that is not there', CHAIN, { jobs: { X: 'success' } }, "jobs: there is no job 'X'"],
    ['executions of a job that is not there', CHAIN, { executions: { X: 0 } }, "executions: there is no job 'X'"],
    ['attempts of a job that is not there', CHAIN, { attempts: { X: 0 } }, "attempts: there is no job 'X'"],
    ['instances of a job that is not there', CHAIN, { instances: { X: 0 } }, "instances: there is no job 'X'"],
    ['hooks of a job that is not there', CHAIN, { hooks: { X: [] } }, "hooks: there is no job 'X'"],
    ['signals to a job that is not there', CHAIN, { received: { X: 0 } }, "received: there is no job 'X'"],
    ['children of a job that is not there', CHAIN, { child_runs: { X: 0 } }, "child_runs: there is no job 'X'"],
    ['a relation to a job that is not there', CHAIN, { exclusive: [['X', 'A']] }, "exclusive: there is no job 'X'"],
    ['a relation of nothing', CHAIN, { exclusive: [] }, 'exclusive: it names no jobs'],
    ['how many runs are in no state', CHAIN, { runs_count: { sucess: 0 } }, "runs_count: there is no status 'sucess'"],
    ['anything', CHAIN, {}, 'it expects nothing'],
    ['executions', CHAIN, { executions: { A: 2 } }, 'executions of A: expected 2, got 1'],
    ['attempts', CHAIN, { attempts: { A: 2 } }, 'attempts of A: expected 2, got 1'],
    ['instances', CHAIN, { instances: { A: 2 } }, 'instances of A: expected 2, got 1'],
    ['hooks', CHAIN, { hooks: { A: ['cancel'] } }, 'hooks of A: expected ["cancel"], got []'],
    ['refused events', CHAIN, { rejected_events: 1 }, 'rejected_events: expected 1, got 0'],
    ['child runs', CHAIN, { child_runs_count: 1 }, 'child_runs_count: expected 1, got 0'],
    ['signals', CHAIN, { received: { A: 'go' } }, 'received A: expected ["go"], got []'],
    ['several runs', CHAIN, { runs: ['success', 'success'] }, 'runs: expected ["success","success"], got ["success"]'],
    [
      'who is one of several',
      PAIR,
      { one_of: { success: ['A', 'B'] } },
      'one_of success: expected one of A, B, got ["success","success"]',
    ],
    [
      'order',
      CHAIN,
      { order: [['B', 'A']] },
      'order: B, A: expected the end of the first before the start of the second',
    ],
    ['overlap', CHAIN, { overlap: [['A', 'B']] }, 'overlap: A, B: expected both at one instant'],
    [
      'what excludes each other',
      PAIR,
      { exclusive: [['A', 'B']] },
      'exclusive: A, B: expected never two at a time, got A and B at once',
    ],
    [
      'groups that exclude each other',
      PAIR,
      { exclusive_groups: [['A'], ['B']] },
      'exclusive_groups: expected A and B one after the other',
    ],
    ['a start before an end', CHAIN, { before_end: [['B', 'A']] }, 'before_end: B, A: expected'],
    ['a start while another runs', CHAIN, { during: [['B', 'A']] }, 'during: B, A: expected'],
    ['what the run outlasts', CHAIN, { run_ends_after: ['X'] }, "run_ends_after: there is no job 'X'"],
    ['an unknown word', CHAIN, { colour: 'red' }, "unknown word 'colour' in expect"],
  ])('says when %s is not as expected', async (_, jobs, expectation, line) => {
    expect(await run({ jobs, expect: expectation })).toEqual([expect.stringContaining(line)]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['the case', { colour: 'red' }, "the case: unknown word 'colour'"],
    ['a job', { jobs: [{ id: 'A', colour: 'red' }] }, `job "A": unknown word 'colour'`],
    ['a body', { jobs: [{ id: 'A', do: 'dance' }] }, "job 'A': unknown word 'dance'"],
    ['a join', { jobs: [{ id: 'A', join: 'some' }] }, `job 'A': unknown word "some" for a join`],
    ['a run', { run: { colour: 'red' } }, "run: unknown word 'colour'"],
    [
      'an event',
      { events: [{ after: { job: 'A', status: 'running' }, dance: true }] },
      "event 1: unknown word 'dance'",
    ],
    [
      'a branch',
      { jobs: [{ id: 'A', choose: 'one', branches: { B: true } }] },
      "job 'A' has a branch to 'B', which there is not",
    ],
    ['a pipeline', { jobs: [{ id: 'A', do: { call: 'none' } }] }, "there is no pipeline 'none'"],
    ['an expression', { jobs: [{ id: 'A', if: 'x == 1' }] }, "nothing is called 'x' where it says 'x == 1'"],
  ])('reports words of %s that it does not understand', async (_, members, line) => {
    expect(await run({ jobs: CHAIN, expect: {}, ...members })).toEqual([expect.stringContaining(line)]);
  });

  it('says when an event never came', async () => {
    const events = [{ after: { job: 'A', status: 'cancelled' }, cancel_run: true }];
    expect(await run({ jobs: CHAIN, events, expect: { run: 'success' } })).toEqual([
      'event 1: what it comes after was never reached',
    ]);
  });

  it('says when an event is for a job that is not there, and does not when it is meant to be refused', async () => {
    const events = [{ after: { job: 'A', status: 'success' }, signal: 'go', to: 'X' }];
    const stranger = ["event 1: there is no job 'X'"];
    expect(await run({ jobs: CHAIN, events, expect: { run: 'success' } })).toEqual(stranger);
    expect(await run({ jobs: CHAIN, events, expect: { run: 'success', rejected_events: 1 } })).toEqual([]);
  });

  it('sends a signal to a job in the body of a loop by its id', async () => {
    const body = [
      { id: 'W', do: 'suspend' },
      { id: 'B', needs: ['W'], do: { inc: 'i' } },
    ];
    const jobs = [{ id: 'L', loop: { vars: { i: 0 }, body, while: 'i < 2' } }];
    const events = [
      { after: { job: 'W', status: 'waiting' }, signal: 'go', to: 'W' },
      { after: { job: 'B', status: 'success' }, signal: 'go', to: 'W' },
    ];
    expect(await run({ jobs, events, expect: { run: 'success', executions: { B: 2 } } })).toEqual([]);
  });

  it.each([
    ['no JSON', '{', /^it is not JSON/],
    ['a list of anything but cases', '[1]', /^case 1 is no object but 1/],
    ['no cases', '{"format": 1}', /^it has no list 'cases'/],
    ['another format', '{"format": 2, "cases": []}', /^its format is 2/],
    ['a case without jobs', '{"cases": [{"id": "x", "expect": {}}]}', /^case 'x' has no list 'jobs'/],
    ['a case that expects nothing', '{"cases": [{"id": "x", "jobs": []}]}', /^case 'x' expects nothing/],
  ])('refuses a file with %s', (_, text, message) => {
    expect(() => readCaseFile(text)).toThrow(CaseFileProblem);
    expect(() => readCaseFile(text)).toThrow(message);
  });

  it('ends with 1 for a case that fails, with 2 for a file that is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'paceline-flow-cases-'));
    const file = join(folder, 'cases.json');
    const cases = [
      { id: 'good', jobs: CHAIN, expect: { run: 'success' } },
      { id: 'bad', jobs: CHAIN, expect: { run: 'failure' } },
    ];
    await writeFile(file, JSON.stringify({ format: 1, cases }));
    const failing = 'bad: run: expected failure, got success\n1 passed, 1 failed\n';
    expect(await script(file)).toEqual({ code: 1, stdout: failing, stderr: '' });
    expect(await script('--filter', 'good', file)).toEqual({ code: 0, stdout: '1 passed, 0 failed\n', stderr: '' });
    await writeFile(file, `\uFEFF${JSON.stringify(cases.slice(0, 1))}`);
    expect(await script(file)).toMatchObject({ code: 0, stdout: '1 passed, 0 failed\n' });
    const missing = await script(join(folder, 'none.json'));
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toMatch(/^.*none\.json cannot be used: .*\n$/);
    await rm(folder, { recursive: true });
  });
});

it.each([[[]], [['--store', 'disk', 'FILE']], [['--crash', 'often', 'FILE']], [['--bogus', 'FILE']]])(
  'flow-cases %j ends with 2 and a sentence',
  async (args) => {
    expect(await script(...args)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(/^\S.*\n/) });
  },
);

function run(body: Readonly<Record<string, unknown>>): Promise<string[]> {
  const mode = { deliver: 'once', crash: 'never' } as const;
  return runCase({ id: 'case', body }, mode, (agents, troubles) => new MemoryHost(agents, troubles));
}

const SCRIPT = fileURLToPath(new URL('../../scripts/flow-cases', import.meta.url));

function script(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(SCRIPT, args, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
