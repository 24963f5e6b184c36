import { describe, expect, it } from '@jest/globals';
import { AbortScope } from '../../src/kernel/cancellation.ts';
import { BackgroundStepCoordinator, type BackgroundStep } from '../../src/steps/background-step-coordinator.ts';
import { transition, type BackgroundStepState } from '../../src/steps/background-step-state.ts';
import { targetsOf, uncoveredSteps } from '../../src/steps/barrier-coverage.ts';
import { plainEnd, type StepEnd } from '../../src/steps/step-end.ts';
import { duration } from '../../src/steps/wait-notice.ts';
import { settle } from '../support/fake-clock.ts';
import { bg, cancel, fg, wait, waitAll } from '../support/fake-job.ts';

const SUCCESS = plainEnd('success', null);

/** A step that ends when the test says so. */
class Played implements BackgroundStep {
  readonly name: string;
  readonly number = 1;
  readonly reachedAt = 0;
  readonly ends: StepEnd[] = [];
  started = false;
  ahead: number | null = null;
  end: (end: StepEnd) => void = () => undefined;
  readonly id: string;

  constructor(id: string) {
    this.id = id;
    this.name = id;
  }

  readonly execute: BackgroundStep['execute'] = (stop, ahead) => {
    this.started = true;
    this.ahead = ahead;
    return new Promise((resolve) => {
      this.end = resolve;
      stop.signal.addEventListener('abort', () => resolve(plainEnd('cancelled', 'cancelled-by-step')));
    });
  };
  readonly stopping = (): void => undefined;
  readonly ended = (end: StepEnd): void => void this.ends.push(end);
  readonly progress = (): { startedAt: null; lastLine: null } => ({ startedAt: null, lastLine: null });
}

function coordinatorWith(slots: number, ...ids: string[]): { coordinator: BackgroundStepCoordinator; steps: Played[] } {
  const coordinator = new BackgroundStepCoordinator(slots, new AbortScope().signal);
  const steps = ids.map((id) => new Played(id));
  for (const step of steps) coordinator.start(step);
  return { coordinator, steps };
}

describe('the coordinator', () => {
  it.each(Array.from({ length: 12 }, (_, n) => n))(
    '119: a step that is cancelled %d turns after its slot was freed has one end, and the slot passes on',
    async (turns) => {
      const { coordinator, steps } = coordinatorWith(1, 'a', 'b', 'c');
      await settle();
      steps[0]!.end(SUCCESS);
      for (let n = 0; n < turns; n++) await Promise.resolve();
      coordinator.cancel('b');
      await settle();
      expect(steps[1]!.ends.map(({ outcome }) => outcome)).toEqual(['cancelled']);
      expect(steps[2]!.started).toBe(true);
      steps[2]!.end(SUCCESS);
      await expect(coordinator.take(['a', 'b', 'c'])).resolves.toHaveLength(3);
    },
  );

  it('119: the sweep above hits both sides: before it ran, and while it ran', async () => {
    const started = new Set<boolean>();
    for (let turns = 0; turns < 12; turns++) {
      const { coordinator, steps } = coordinatorWith(1, 'a', 'b');
      await settle();
      steps[0]!.end(SUCCESS);
      for (let n = 0; n < turns; n++) await Promise.resolve();
      coordinator.cancel('b');
      await settle();
      started.add(steps[1]!.started);
    }
    expect([...started]).toEqual([false, true]);
  });

  it('118: a step that ends in the instant of its cancel has one end, the same everywhere', async () => {
    const { coordinator, steps } = coordinatorWith(1, 'a');
    await settle();
    steps[0]!.end(SUCCESS);
    coordinator.cancel('a');
    const [taken] = await coordinator.take(['a']);
    expect(steps[0]!.ends).toEqual([SUCCESS]);
    expect(taken).toMatchObject({ kind: 'ended', end: SUCCESS, first: true });
  });

  it('117: a barrier that comes as the step ends takes it once', async () => {
    const { coordinator, steps } = coordinatorWith(1, 'a');
    await settle();
    const taking = coordinator.take(['a', 'A']);
    steps[0]!.end(SUCCESS);
    await expect(taking).resolves.toMatchObject([{ first: true }]);
    await expect(coordinator.take(['a'])).resolves.toMatchObject([{ first: false }]);
  });

  it('counts who is ahead without those that were cancelled in the queue', async () => {
    const { coordinator, steps } = coordinatorWith(1, 'a', 'b', 'c', 'd');
    await settle();
    expect(coordinator.outstanding(['d', 'c', 'a']).map(({ step, state, ahead }) => [step.id, state, ahead])).toEqual([
      ['a', 'running', 0],
      ['c', 'queued', 1],
      ['d', 'queued', 2],
    ]);
    coordinator.cancel('b');
    expect(coordinator.outstanding(['d'])[0]!.ahead).toBe(1);
    expect(steps[1]!.ends).toHaveLength(1);
  });

  it('says what no barrier took, and whose failure no barrier answered for', async () => {
    const { coordinator, steps } = coordinatorWith(3, 'a', 'b', 'c');
    await settle();
    for (const step of steps) step.end(plainEnd('failure', null));
    await coordinator.take(['b', 'a']);
    expect(coordinator.untaken).toEqual(['c']);
    coordinator.account(['B']);
    expect(coordinator.unaccounted).toHaveLength(2);
  });

  it('a step that is started after a kill has ended as cancelled', async () => {
    const kill = new AbortScope();
    kill.cancel('user');
    const coordinator = new BackgroundStepCoordinator(1, kill.signal);
    const step = new Played('a');
    coordinator.start(step);
    await settle();
    expect(step.started).toBe(false);
    expect(step.ends).toMatchObject([{ outcome: 'cancelled', reason: 'job-cancelled' }]);
  });
});

describe('the states of a background step', () => {
  const states: BackgroundStepState[] = [
    { kind: 'queued' },
    { kind: 'running' },
    { kind: 'cancelling', cause: 'user' },
    { kind: 'settled', end: SUCCESS },
    { kind: 'committed', end: SUCCESS },
  ];
  const events = [
    { kind: 'slot' },
    { kind: 'stop', cause: 'user' },
    { kind: 'ended', end: SUCCESS },
    { kind: 'barrier' },
  ] as const;
  const legal: Record<string, Record<string, string>> = {
    queued: { slot: 'running', ended: 'settled' },
    running: { stop: 'cancelling', ended: 'settled' },
    cancelling: { stop: 'cancelling', ended: 'settled' },
    settled: { barrier: 'committed' },
    committed: {},
  };

  it.each(states.flatMap((state) => events.map((event) => [state.kind, event.kind, state, event] as const)))(
    '%s, %s',
    (from, happening, state, event) => {
      const next = legal[from]?.[happening];
      if (next === undefined)
        expect(() => transition(state, event)).toThrow(`${from} cannot take the event '${happening}'`);
      else expect(transition(state, event).kind).toBe(next);
    },
  );
});

describe('what barriers cover', () => {
  it('B50: a wait, a cancel, or a wait-all behind it; nothing else', () => {
    const steps = [bg('a'), bg('B'), bg('c'), fg('f'), wait('w', ['b']), cancel('x', 'c'), bg('d')];
    expect(uncoveredSteps(steps)).toEqual(['a', 'd']);
    expect(uncoveredSteps([...steps, waitAll('all'), bg('e')])).toEqual(['e']);
  });

  it('B49: a wait-all lists every background step declared before it', () => {
    const before = [bg('a'), fg('f'), wait('w', ['a']), bg('b')];
    expect(targetsOf(waitAll('all'), before)).toEqual(['a', 'b']);
    expect(targetsOf(waitAll('all', { implicit: true }), before)).toEqual(['b']);
    expect(targetsOf(fg('f'), before)).toEqual([]);
  });
});

describe('durations', () => {
  it.each([
    [999, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min 0 s'],
    [3_725_000, '1 h 2 min'],
  ])('%d ms is %s', (ms, text) => expect(duration(ms)).toBe(text));
});
