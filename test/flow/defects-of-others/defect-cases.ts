/** By the name of what goes right here: a flow case, played plainly, with everything twice, and with crashes. */
export const DEFECT_CASES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'a run whose last running job is cancelled ends': {
    jobs: [{ id: 'a', do: { ticks: 50 }, region: 'r' }, { id: 'b' }],
    events: [{ after: { job: 'a', status: 'running' }, cancel_region: 'r' }],
    expect: { run: 'cancelled', jobs: { a: 'cancelled', b: 'success' } },
  },
  'a run that is cancelled before anything of it began ends': {
    jobs: [{ id: 'a' }, { id: 'b', needs: ['a'] }],
    events: [{ before_start: true, cancel_run: true }],
    expect: { run: 'cancelled', jobs: { a: 'cancelled', b: 'cancelled' }, executions: { a: 0, b: 0 } },
  },
  'a run that is dropped while it waits for its turn ends': {
    run: { starts: 3, concurrency: { limit: 1, keep_waiting: false } },
    jobs: [{ id: 'a', do: { ticks: 5 } }],
    expect: { runs: ['success', 'cancelled', 'success'], runs_count: { success: 2, cancelled: 1 } },
  },
  'a job that is switched off is over at once, and so is the run': {
    jobs: [{ id: 'a', if: false }],
    expect: { run: 'success', jobs: { a: 'skipped' } },
  },
  'whatever a failure means, the run ends': {
    jobs: [
      { id: 'a', do: 'fail', on_failure: 'fail-run', on_failure_jobs: [{ id: 'af' }], after: [{ id: 'aa' }] },
      { id: 'b', do: 'fail', on_failure: 'stop-branch', on_failure_jobs: [{ id: 'bf', do: 'fail' }] },
      { id: 'c', do: 'fail', on_failure: 'ignore', on_failure_jobs: [{ id: 'cf' }], after: [{ id: 'ca' }] },
    ],
    expect: {
      run: 'failure',
      jobs: { a: 'failure', b: 'failure', c: 'failure-ignored' },
      executions: { af: 1, aa: 0, bf: 1, cf: 1, ca: 0 },
    },
  },
  'who has a lock and jumps back over another user of it gives it back': {
    jobs: [
      { id: 'a', mutex: 'm' },
      { id: 'b', needs: ['a'], mutex: 'm', section: 's:one' },
      { id: 'c', needs: ['b'], mutex: 'm', section: 's:two', do: { jump: { to: 'a', times: 2 } } },
    ],
    expect: { run: 'success', executions: { a: 3, b: 3, c: 3 } },
  },
  'attempts are counted with the job, and end': {
    jobs: [{ id: 'a', do: { transient: 999, carry: 'n' } }],
    expect: { run: 'failure', attempts: { a: 10 } },
  },
  'who loses a race is withdrawn, the winner and the run are not touched': {
    jobs: [
      { id: 'a', race: 'r', do: { ticks: 9 } },
      { id: 'b', race: 'r' },
      { id: 'leaf' },
      { id: 'm', needs: ['a', 'b'], join: 'active' },
    ],
    expect: { run: 'success', jobs: { a: 'success', b: 'withdrawn', leaf: 'success', m: 'success' } },
  },
  'a region that is cancelled takes nothing else with it': {
    jobs: [
      { id: 'x', region: 'r', do: { ticks: 50 } },
      { id: 'y', region: 'r', needs: ['leaf'], do: { ticks: 50 } },
      { id: 'leaf', do: { ticks: 3 } },
      { id: 'other', do: { ticks: 20 } },
      { id: 'stop', do: { ticks: 5 }, cancels: { on: 'success', targets: ['region:r'] } },
    ],
    expect: { run: 'success', jobs: { x: 'withdrawn', y: 'withdrawn', leaf: 'success', other: 'success' } },
  },
  'a merge of many begins once for each arrival': {
    jobs: [
      { id: 'a', do: { ticks: 1 } },
      { id: 'b', do: { ticks: 2 } },
      { id: 'd', needs: ['a', 'b'], join: 'each', do: { ticks: 5 } },
    ],
    expect: { run: 'success', executions: { d: 2 } },
  },
  'a milestone that is not reached yet is waited for': {
    jobs: [
      { id: 'slow', do: { ticks: 4 } },
      { id: 'm', needs: ['slow'], do: { ticks: 9 } },
      { id: 'gate', milestone: { job: 'm', status: 'running' } },
    ],
    expect: { run: 'success', order: [['slow', 'gate']], during: [['gate', 'm']] },
  },
  'arrivals that come late are absorbed at once, however long the job behind the join takes': {
    jobs: [
      { id: 'a' },
      { id: 'b', do: { ticks: 5 } },
      { id: 'c', do: { ticks: 6 } },
      { id: 'd', needs: ['a', 'b', 'c'], join: { count: 1 }, do: { ticks: 100_000 } },
    ],
    expect: { run: 'success', jobs: { d: 'success' }, executions: { d: 1 }, run_ends_after: ['d'] },
  },
  'a quorum that is reached counts, whatever becomes of the others': {
    jobs: [
      { id: 'a' },
      { id: 'b', do: { ticks: 2 } },
      { id: 'c', do: 'fail', on_failure: 'stop-branch' },
      { id: 'd', do: { fail: true, ticks: 1 } },
      { id: 'q', needs: ['a', 'b', 'c', 'd'], join: { count: 2 } },
    ],
    expect: { run: 'failure', jobs: { q: 'success', c: 'failure', d: 'failure' }, executions: { q: 1 } },
  },
  'what was skipped, and a failure that is ignored, do not count for a join': {
    jobs: [
      { id: 'a', if: false },
      { id: 'b', do: 'fail', on_failure: 'ignore' },
      { id: 'c', do: { ticks: 5 } },
      { id: 'first', needs: ['a', 'b', 'c'], join: 'first' },
      { id: 'two', needs: ['a', 'b', 'c'], join: { count: 2 } },
    ],
    expect: { run: 'success', jobs: { first: 'success', two: 'skipped' }, order: [['c', 'first']] },
  },
  'a branch that was not chosen is left out to its end, and a merge waits for the others alone': {
    jobs: [
      { id: 'a', choose: 'many', branches: { x1: true, y1: false } },
      { id: 'x1', needs: ['a'] },
      { id: 'x2', needs: ['x1'], do: { ticks: 3 } },
      { id: 'y1', needs: ['a'] },
      { id: 'y2', needs: ['y1'] },
      { id: 'y3', needs: ['y2'] },
      { id: 'm', needs: ['x2', 'y3'], join: 'active' },
    ],
    expect: {
      run: 'success',
      jobs: { y1: 'skipped', y2: 'skipped', y3: 'skipped', m: 'success' },
      order: [['x2', 'm']],
    },
  },
  'instances that are added beside others that were there are waited for': {
    jobs: [
      { id: 'p', instances: { count: 2, dynamic: true, do: { ticks: 6 } } },
      { id: 'n', needs: ['p'] },
    ],
    events: [{ after: { job: 'p[0]', status: 'running' }, add_instance: 'p' }],
    expect: { run: 'success', instances: { p: 3 }, order: [['p', 'n']], executions: { n: 1 } },
  },
  'instances beyond what is enough are withdrawn, where it says so': {
    jobs: [
      { id: 'p', instances: { count: 3, ticks: [1, 2, 60], complete_when: { count: 2, rest: 'cancel' } } },
      { id: 'n', needs: ['p'] },
    ],
    expect: { run: 'success', instances_status: { 'p[2]': 'withdrawn' }, jobs: { p: 'success', n: 'success' } },
  },
  'another attempt waits as long as it was asked to': {
    jobs: [{ id: 'a', do: { transient: 2, retry_after: 30 } }],
    expect: { run: 'success', attempts: { a: 3 }, attempt_gap_at_least: { a: 30 } },
  },
  'a workflow calls others, down to its limit, and gets their outputs': {
    run: { 'max-depth': 3 },
    jobs: [{ id: 'r', do: { call: 'self' } }],
    expect: { run: 'failure', child_runs_count: 3 },
  },
  'a cancellation reaches what a job calls': {
    run: { pipelines: { child: [{ id: 'c', do: { ticks: 50 } }] } },
    jobs: [{ id: 's', do: { call: 'child' } }],
    events: [{ after: { child: 'child', status: 'running' }, cancel_run: true }],
    expect: { run: 'cancelled', jobs: { s: 'cancelled' }, child_runs: ['cancelled'] },
  },
  'a loop goes round and ends': {
    jobs: [
      { id: 'w', loop: { while: 'i < 3', vars: { i: 0 }, body: [{ id: 'x', do: { inc: 'i' } }] } },
      { id: 'n', needs: ['w'] },
    ],
    expect: { run: 'success', executions: { x: 3, n: 1 } },
  },
  'each round asks for an approval of its own': {
    jobs: [
      { id: 'ask', do: 'suspend' },
      { id: 'again', needs: ['ask'], do: { jump: { to: 'ask', times: 1 } } },
    ],
    events: [{ after: { job: 'ask', status: 'waiting' }, signal: 'yes', to: 'ask' }],
    expect: { run: 'running', jobs: { ask: 'waiting' }, executions: { again: 1 } },
  },
  'a signal is for who waits for its name': {
    jobs: [
      { id: 'w', wait_for: 'yes' },
      { id: 'long', do: { ticks: 9 } },
    ],
    events: [
      { after: { job: 'w', status: 'waiting' }, signal: 'no' },
      { after: { job: 'long', status: 'success' }, signal: 'yes' },
    ],
    expect: { run: 'success', order: [['long', 'w']], buffered: ['no'] },
  },
  'a signal to a job that is over is refused, and kept nowhere': {
    jobs: [{ id: 'a' }, { id: 'b', needs: ['a'], do: { ticks: 3 } }],
    events: [{ after: { job: 'b', status: 'running' }, signal: 'go', to: 'a' }],
    expect: { run: 'success', rejected_events: 1, buffered: [] },
  },
  'a race in a cycle is held anew in each round': {
    jobs: [
      { id: 'a' },
      { id: 'x', needs: ['a'], race: 'g' },
      { id: 'y', needs: ['a'], race: 'g' },
      { id: 'm', do: { jump: { to: 'a', times: 1 } }, needs: ['x', 'y'], join: 'active' },
    ],
    expect: { run: 'success', executions: { a: 2, m: 2 } },
  },
  'a re-run takes what was cancelled or skipped because of the failure with it': {
    run: { 'fail-fast': true },
    jobs: [
      { id: 'a', do: { fail_times: 1 } },
      { id: 'b', needs: ['a'] },
      { id: 'c', do: { ticks: 50 } },
      { id: 'd', needs: ['c'] },
    ],
    events: [{ after: { run: 'failure' }, rerun_failed: true }],
    expect: { run: 'success', jobs: { a: 'success', b: 'success', c: 'success', d: 'success' } },
  },
  'a job that is cancelled runs what it says for that, whatever of it runs or waits': {
    run: { pipelines: { child: [{ id: 'c', do: { ticks: 50 } }] } },
    jobs: [
      { id: 'x', do: { ticks: 50 }, on_cancel: [{ id: 'xc' }], finally: [{ id: 'xf' }], region: 'r' },
      { id: 's', do: { call: 'child' }, finally: [{ id: 'sf' }], region: 'r' },
      { id: 'w', do: 'suspend', region: 'r' },
      { id: 'p', before: [{ id: 'pb', do: { ticks: 50 } }], finally: [{ id: 'pf' }], region: 'r' },
    ],
    events: [{ after: { job: 'c', status: 'running' }, cancel_region: 'r' }],
    expect: {
      run: 'cancelled',
      jobs: { x: 'cancelled', s: 'cancelled', w: 'cancelled', p: 'cancelled' },
      executions: { xc: 1, xf: 1, sf: 1, pf: 1 },
    },
  },
  'every job of a run that is over has a final status': {
    jobs: [
      { id: 'a', do: 'fail' },
      { id: 'b', needs: ['a'] },
      { id: 'c', needs: ['b'], join: 'first' },
      { id: 'd', needs: ['c'], join: 'active' },
      { id: 'e', needs: ['b'], join: 'each' },
      { id: 'g', needs: ['a'], milestone: { job: 'a', status: 'success' } },
    ],
    expect: {
      run: 'failure',
      jobs: { a: 'failure', b: 'skipped', c: 'skipped', d: 'skipped', e: 'skipped', g: 'skipped' },
    },
  },
  'a branch that is stopped by a failure fails the run in the end': {
    jobs: [
      { id: 'a', do: 'fail', on_failure: 'stop-branch' },
      { id: 'b', do: { ticks: 5 } },
    ],
    expect: { run: 'failure', jobs: { b: 'success' } },
  },
  'no more runs of a group go on at a time than it says, whoever starts them': {
    run: { starts: 3, concurrency: { limit: 1, keep_waiting: true } },
    jobs: [{ id: 'a', do: { ticks: 5 } }],
    expect: { runs: ['success', 'success', 'success'], exclusive_runs: true },
  },
  'joins, choices, added instances and cancellations survive a crash after any commit': {
    jobs: [
      { id: 'a', choose: 'many', branches: { b: true, c: true, n: false } },
      { id: 'b', needs: ['a'], do: { ticks: 1 } },
      { id: 'c', needs: ['a'], do: { ticks: 9 } },
      { id: 'n', needs: ['a'] },
      { id: 'p', instances: { count: 1, dynamic: true, do: { ticks: 3 } } },
      { id: 'q', needs: ['b', 'c', 'n'], join: { count: 1, late: 'cancel' } },
    ],
    events: [{ after: { job: 'p[0]', status: 'running' }, add_instance: 'p' }],
    expect: { run: 'success', jobs: { c: 'withdrawn', n: 'skipped', q: 'success' }, instances: { p: 2 } },
  },
  'what cleans up does so after a crash, too': {
    run: { crash: 'each-commit', finally: [{ id: 'z' }] },
    jobs: [{ id: 'p', do: 'fail', finally: [{ id: 'pz' }], on_failure_jobs: [{ id: 'pf' }] }],
    expect: { run: 'failure', executions: { pz: 1, pf: 1, z: 1 } },
  },
};
