import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Database } from '../../src/server/database.ts';
import { RECORD_SEPARATOR } from '../../src/server/dispatch/check-chain.ts';
import type { History } from './history.ts';
import type { SimulatedMachine } from './simulated-machine.ts';

export interface World {
  readonly db: Kysely<Database>;
  readonly history: History;
  /** What a reader of the stored log gets. */
  readonly storedLog: (attempt: string, step: number) => Promise<Buffer>;
  readonly machines: readonly SimulatedMachine[];
  /** Attempts whose `job-finished` a server acknowledged, with its conclusion. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Sessions that were told that they are drained, and what was accepted afterwards. */
  readonly offeredAfterDrain: readonly string[];
  readonly secret: string;
  /** Whether the secret was seen in a body on the wire. */
  readonly secretOnTheWire: boolean;
  /** Job keys of runs, with what each needs; from the workflows. */
  readonly needs: ReadonlyMap<number, ReadonlyMap<string, readonly string[]>>;
  /** Runs whose jobs must not be alive twice at a time. */
  readonly exclusive: ReadonlySet<number>;
}

/** Everything that has to hold at the end; sentences, empty when it does. The numbers are those of the design's invariants. */
export async function checkInvariants(world: World): Promise<string[]> {
  return [
    ...startsOnce(world),
    ...exclusiveAlone(world),
    ...(await resultsKept(world)),
    ...(await journalsArePrefixes(world)),
    ...(await logsAreWhatWasPrinted(world)),
    ...(await everythingIsFinal(world)),
    ...nothingLives(world),
    ...(await noSecretAnywhere(world)),
    ...world.offeredAfterDrain.map((attempt) => `I10: ${attempt} was accepted in a drained session`),
    ...(await dependantsStartRight(world)),
  ];
}

function startsOnce({ history }: World): string[] {
  return [...history.attempts]
    .filter(([, { starts }]) => starts > 1)
    .map(([attempt, { starts }]) => `I1: ${attempt} was started ${starts} times`);
}

function exclusiveAlone({ history, exclusive }: World): string[] {
  const found: string[] = [];
  const attempts = [...history.attempts].filter(([, { run }]) => exclusive.has(Number(run)));
  for (const [one, first] of attempts)
    for (const [other, second] of attempts) {
      if (one >= other || first.run !== second.run || first.job !== second.job) continue;
      for (const a of first.lives)
        for (const b of second.lives)
          if (a.from < (b.to ?? Infinity) && b.from < (a.to ?? Infinity))
            found.push(`I2: ${one} and ${other} of an exclusive job lived at the same time`);
    }
  return found;
}

async function resultsKept({ db, history, acknowledged }: World): Promise<string[]> {
  const rows = await db.selectFrom('attempt').select(['id', 'state', 'conclusion', 'lost', 'late_report']).execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  const found: string[] = [];
  for (const [attempt, conclusion] of acknowledged) {
    const row = byId.get(attempt);
    // A server that was restored from a backup may have forgotten the attempt with its whole run.
    if (row === undefined) continue;
    if (row.state !== 'finished' || (row.conclusion !== conclusion && row.lost === null))
      found.push(`I3: ${attempt} was acknowledged as ${conclusion}, and is ${row.state} ${String(row.conclusion)}`);
  }
  for (const [attempt, truth] of history.attempts) {
    const row = byId.get(attempt);
    if (row === undefined || truth.finished === null || row.lost !== null || row.late_report !== null) continue;
    if (row.conclusion !== truth.finished)
      found.push(`I3: ${attempt} ended as ${truth.finished}, and the server says ${String(row.conclusion)}`);
  }
  return found;
}

async function journalsArePrefixes({ db, machines }: World): Promise<string[]> {
  const rows = await db.selectFrom('journal').select(['attempt_id', 'seq', 'body']).orderBy('seq').execute();
  const stored = new Map<string, string[]>();
  const found: string[] = [];
  for (const { attempt_id, seq, body } of rows) {
    const texts = [...(stored.get(attempt_id) ?? []), ...body.split(RECORD_SEPARATOR)];
    if (seq !== texts.length) found.push(`I4: the server has record ${seq} of ${attempt_id} after ${texts.length}`);
    stored.set(attempt_id, texts);
  }
  const folders = machines.flatMap((machine) => machine.journals());
  for (const [attempt, texts] of stored) {
    // A folder goes when the server has all of it and the time of keeping is over, or the disk is full; one of an older
    // fence, that was handed back before anything ran, may stay.
    const journals = folders
      .filter(([other, [first]]) => other === attempt && first === texts[0])
      .map(([, journal]) => journal);
    if (journals.length > 0 && !journals.some((journal) => texts.every((text, n) => journal[n] === text)))
      found.push(`I4: the records of ${attempt} are others than on any disk`);
  }
  return found;
}

async function logsAreWhatWasPrinted({ db, history, storedLog }: World): Promise<string[]> {
  const found: string[] = [];
  const streams = await db.selectFrom('log_stream').selectAll().execute();
  // An attempt that was given up is no longer its agent's, whatever of its logs was still to come.
  const lost = await db.selectFrom('attempt').select('id').where('lost', 'is not', null).execute();
  const givenUp = new Set(lost.map(({ id }) => id));
  for (const { attempt_id, step, length, sealed_length, sealed_hash } of streams) {
    const truth = history.output(attempt_id, step);
    const stored = await storedLog(attempt_id, step);
    const where = `${attempt_id} step ${step}`;
    if (stored.length !== length) found.push(`I5: ${where} has ${stored.length} bytes, the database says ${length}`);
    if (!truth.subarray(0, stored.length).equals(stored)) found.push(`I5: ${where} differs from what was printed`);
    if (sealed_length === null || givenUp.has(attempt_id)) continue;
    const isKilled = history.attempts.get(attempt_id)?.killed === true;
    if (stored.length !== sealed_length)
      found.push(`I5: ${where} is sealed at ${sealed_length} with ${stored.length} bytes`);
    if (!isKilled && stored.length !== truth.length)
      found.push(`I5: ${where} is sealed with ${stored.length} of ${truth.length} bytes`);
    if (createHash('sha256').update(stored).digest('hex') !== sealed_hash)
      found.push(`I5: ${where} has another hash than its seal`);
  }
  return found;
}

async function everythingIsFinal({ db }: World): Promise<string[]> {
  const runs = await db
    .selectFrom('run')
    .select(['id', 'state', 'waiting'])
    .where('state', '<>', 'completed')
    .execute();
  const jobs = await db
    .selectFrom('job')
    .select(['id', 'key', 'run_id', 'state'])
    .where('state', '<>', 'completed')
    .execute();
  const attempts = await db.selectFrom('attempt').select(['id', 'state']).where('state', '<>', 'finished').execute();
  const leases = await db.selectFrom('lease').select('attempt_id').execute();
  const ready = await db.selectFrom('ready').select('attempt_id').execute();
  return [
    ...runs.map(({ id, state, waiting }) => `I7: run ${id} is ${state} (${String(waiting)})`),
    ...jobs.map(({ key, run_id, state }) => `I7: job ${key} of run ${run_id} is ${state}`),
    ...attempts.map(({ id, state }) => `I7: attempt ${id} is ${state}`),
    ...leases.map(({ attempt_id }) => `I7: ${attempt_id} has a lease still`),
    ...ready.map(({ attempt_id }) => `I7: ${attempt_id} is in the queue still`),
  ];
}

function nothingLives({ machines }: World): string[] {
  return machines.flatMap(({ name, workers }) =>
    workers.filter(({ waiting }) => !waiting).map(({ attempt }) => `I8: ${attempt} lives on ${name}`),
  );
}

async function noSecretAnywhere({ db, machines, secret, secretOnTheWire }: World): Promise<string[]> {
  const found: string[] = secretOnTheWire ? ['I9: the secret was on the wire'] : [];
  for (const machine of machines)
    if (machine.contents().includes(secret)) found.push(`I9: the secret is on the disk of ${machine.name}`);
  const tables = ['journal', 'event', 'job', 'attempt', 'step', 'run_event', 'spec', 'secret', 'audit'] as const;
  for (const table of tables) {
    const rows = await db.selectFrom(table).selectAll().execute();
    if (JSON.stringify(rows).includes(secret)) found.push(`I9: the secret is in the table ${table}`);
  }
  return found;
}

async function dependantsStartRight({ db, history, needs }: World): Promise<string[]> {
  const found: string[] = [];
  const jobs = await db.selectFrom('job').select(['run_id', 'run_attempt', 'key', 'conclusion']).execute();
  const conclusions = new Map(jobs.map((job) => [`${job.run_id} ${job.key}`, job.conclusion]));
  for (const { run_id, run_attempt, key, conclusion } of jobs) {
    const same = jobs.filter((job) => job.run_id === run_id && job.run_attempt === run_attempt && job.key === key);
    if (same.length > 1) found.push(`I11: job ${key} of run ${run_id} is there ${same.length} times`);
    const needed = needs.get(run_id)?.get(key) ?? [];
    const failed = needed.filter((other) => conclusions.get(`${run_id} ${other}`) !== 'success');
    if (failed.length > 0 && conclusion === 'success')
      found.push(`I11: job ${key} of run ${run_id} succeeded, though ${failed.join(', ')} did not`);
  }
  for (const [attempt, { run, job, lives }] of history.attempts)
    for (const needed of needs.get(Number(run))?.get(job) ?? []) {
      const before = [...history.attempts.values()].filter((other) => other.run === run && other.job === needed);
      const from = lives[0]?.from ?? 0;
      if (before.some((other) => other.finished !== null && other.lives.every((life) => life.from > from)))
        found.push(`I11: ${attempt} of job ${job} began before ${needed}, which it needs`);
    }
  return found;
}
