import { CaseProblem, Fields, isMap, said } from './fields.ts';

/** What the body of a job does, as the `do` of a case says. Times are ticks. */
export interface Behaviour {
  readonly ticks: number;
  /** By position of the instance; beyond its end `ticks` holds. */
  readonly ticksOf: readonly number[];
  /** In so many of its first executions; Infinity in all. */
  readonly fails: number;
  /** By position of the instance; beyond its end `fails` holds. */
  readonly failsOf: readonly number[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly jump: {
    readonly to: string;
    readonly times: number;
    readonly with: Readonly<Record<string, unknown>>;
  } | null;
  /** Fails so often in a way that asks for another attempt. */
  readonly transient: { readonly times: number; readonly after: number | null; readonly carry: string | null } | null;
  /** How often it completes, and how far apart. */
  readonly emit: { readonly times: number; readonly every: number };
  /** Names of variables of the loop around it. */
  readonly inc: readonly string[];
  /** As in the case. */
  readonly assert: string | boolean | number | null;
  readonly echoItem: boolean;
}

export const OK: Behaviour = {
  ticks: 0,
  ticksOf: [],
  fails: 0,
  failsOf: [],
  outputs: {},
  jump: null,
  transient: null,
  emit: { times: 1, every: 0 },
  inc: [],
  assert: null,
  echoItem: false,
};

/** A `do`, with what of it is for the flow and not for the body. */
export interface Doing {
  readonly body: Behaviour;
  /** The signal that it waits for first; `*` for any. */
  readonly suspend: { readonly signals: readonly string[]; readonly from: readonly string[] } | null;
  readonly call: { readonly pipeline: string; readonly whileDepthBelow: number | null } | null;
}

/** @throws CaseProblem for what is not understood. */
export function readDoing(written: unknown, where: string): Doing {
  if (written === undefined || written === null) return { body: OK, suspend: null, call: null };
  if (typeof written === 'string') return readWord(written, where);
  if (Array.isArray(written)) return (written as unknown[]).map((part) => readDoing(part, where)).reduce(merge);
  return readMembers(new Fields(written, where), where);
}

function readWord(word: string, where: string): Doing {
  const nothing = { suspend: null, call: null };
  switch (word) {
    case 'ok':
    case 'noop':
    case 'success':
      return { ...nothing, body: OK };
    case 'fail':
    case 'failure':
      return { ...nothing, body: { ...OK, fails: Infinity } };
    case 'suspend':
      return { ...nothing, body: OK, suspend: { signals: ['*'], from: [] } };
    case 'echo-item':
    case 'echo_item':
      return { ...nothing, body: { ...OK, echoItem: true } };
    default:
      throw new CaseProblem(`${where}: unknown word '${word}'`);
  }
}

function readMembers(fields: Fields, where: string): Doing {
  const body: Behaviour = {
    ...OK,
    ...readTicks(fields),
    ...readFailures(fields),
    outputs: fields.map('out', 'outputs') ?? {},
    jump: readJump(fields, where),
    transient: readTransient(fields),
    emit: { times: Math.max(1, fields.number('emit') ?? 1), every: fields.number('every') ?? 0 },
    inc: fields.texts('inc') ?? [],
    assert: readAssert(fields),
    echoItem: fields.flag('echo-item') ?? false,
  };
  const suspend = readSuspend(fields.take('suspend'), fields, where);
  const call = readCall(fields);
  if (fields.flag('ok') === false) throw new CaseProblem(`${where}: 'ok' is false; say 'fail'`);
  fields.done();
  return { body, suspend, call };
}

function readTicks(fields: Fields): Pick<Behaviour, 'ticks' | 'ticksOf'> {
  const ticks = fields.take('ticks');
  if (ticks === undefined) return { ticks: 0, ticksOf: [] };
  if (typeof ticks === 'number') return { ticks, ticksOf: [] };
  if (Array.isArray(ticks) && ticks.every((item) => typeof item === 'number')) return { ticks: 0, ticksOf: ticks };
  throw new CaseProblem(`'ticks' has to be a number or a list of numbers, not ${said(ticks)}`);
}

function readFailures(fields: Fields): Pick<Behaviour, 'fails'> {
  const times = fields.number('fail_times');
  const fail = fields.take('fail');
  if (times !== null) return { fails: times };
  if (typeof fail === 'number') return { fails: fail };
  return { fails: fail === undefined || fail === false ? 0 : Infinity };
}

function readJump(fields: Fields, where: string): Behaviour['jump'] {
  const jump = fields.take('jump');
  if (jump === undefined || jump === null) return null;
  if (typeof jump === 'string') return { to: jump, times: fields.number('times') ?? 1, with: {} };
  const members = new Fields(jump, `${where}: jump`);
  const to = members.text('to', 'goto', 'target');
  if (to === null) throw new CaseProblem(`${where}: a jump needs 'to'`);
  const result = { to, times: members.number('times') ?? 1, with: members.map('with') ?? {} };
  members.done();
  return result;
}

function readTransient(fields: Fields): Behaviour['transient'] {
  const times = fields.number('transient');
  const after = fields.number('retry_after');
  const carry = fields.text('carry');
  return times === null && after === null && carry === null ? null : { times: times ?? 0, after, carry };
}

function readAssert(fields: Fields): Behaviour['assert'] {
  const assert = fields.take('assert');
  if (assert === undefined) return null;
  if (typeof assert === 'string' || typeof assert === 'boolean') return assert;
  throw new CaseProblem(`'assert' has to be an expression, not ${said(assert)}`);
}

function readSuspend(written: unknown, fields: Fields, where: string): Doing['suspend'] {
  if (written === undefined || written === false) return null;
  if (written === true || written === null) {
    return { signals: fields.texts('signal', 'signals') ?? ['*'], from: fields.texts('from') ?? [] };
  }
  if (typeof written === 'string') return { signals: [written], from: fields.texts('from') ?? [] };
  if (Array.isArray(written)) return { signals: written as string[], from: [] };
  const members = new Fields(written, `${where}: suspend`);
  const result = { signals: members.texts('signal', 'signals') ?? ['*'], from: members.texts('from') ?? [] };
  members.done();
  return result;
}

function readCall(fields: Fields): Doing['call'] {
  const pipeline = fields.text('call');
  const whileDepthBelow = fields.number('while_depth_below');
  return pipeline === null ? null : { pipeline, whileDepthBelow };
}

/** One after another of what a list says; the last word on the same thing holds. */
function merge(one: Doing, other: Doing): Doing {
  const changed = Object.entries(other.body).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(OK[name as keyof Behaviour]),
  );
  return {
    body: { ...one.body, ...(Object.fromEntries(changed) as Partial<Behaviour>) },
    suspend: other.suspend ?? one.suspend,
    call: other.call ?? one.call,
  };
}

/** For instances that do different things. */
export function isListOfDoings(written: unknown): written is unknown[] {
  return Array.isArray(written) && written.some((item) => isMap(item) || typeof item === 'string');
}

/** One behaviour for instances that do different things: they may take longer or fail. */
export function joinDoings(doings: readonly Doing[]): Doing {
  return {
    body: {
      ...(doings.at(-1)?.body ?? OK),
      ticksOf: doings.map(({ body }) => body.ticks),
      failsOf: doings.map(({ body }) => body.fails),
    },
    suspend: doings.find(({ suspend }) => suspend !== null)?.suspend ?? null,
    call: doings.find(({ call }) => call !== null)?.call ?? null,
  };
}
