import { type Kysely, sql } from 'kysely';
import { ATTEMPT_TRANSITIONS, type AttemptState } from '../../../../protocol/attempt-state.ts';
import type { Database } from '../../../database.ts';
import type { DialectName } from '../../dialect.ts';

/**
 * The table of legal transitions, and triggers that refuse any other change of an attempt's state, whoever makes it. An
 * attempt begins as `queued`. The error's text is what `illegalTransition` reads.
 */
export async function createTransitionGuard(db: Kysely<Database>, dialect: DialectName): Promise<void> {
  await db.schema
    .createTable('legal_transition')
    .addColumn('from_state', 'text', (column) => column.notNull())
    .addColumn('to_state', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('legal_transition_pair', ['from_state', 'to_state'])
    .execute();
  const states = Object.keys(ATTEMPT_TRANSITIONS) as AttemptState[];
  for (const from of states)
    for (const to of ATTEMPT_TRANSITIONS[from])
      await sql`insert into legal_transition (from_state, to_state) values (${from}, ${to})`.execute(db);
  for (const statement of dialect === 'sqlite' ? sqliteTriggers(states) : POSTGRES_TRIGGERS)
    await sql.raw(statement).execute(db);
}

/** SQLite raises only literal texts, so there is one for each pair of states. */
function sqliteTriggers(states: readonly AttemptState[]): string[] {
  const named = states.flatMap((from) =>
    states.map((to) => `when '${from}>${to}' then raise(abort, 'illegal-transition:${from}:${to}')`),
  );
  return [
    `create trigger attempt_transition before update of state on attempt
      when new.state <> old.state and not exists (
        select 1 from legal_transition where from_state = old.state and to_state = new.state)
      begin
        select case old.state || '>' || new.state ${named.join(' ')}
          else raise(abort, 'illegal-transition:unknown:unknown') end;
      end`,
    `create trigger attempt_begin before insert on attempt when new.state <> 'queued'
      begin select raise(abort, 'illegal-transition:none:unknown'); end`,
  ];
}

const POSTGRES_TRIGGERS = [
  `create function attempt_transition() returns trigger language plpgsql as $$
    begin
      if tg_op = 'INSERT' then
        raise exception 'illegal-transition:none:%', new.state;
      end if;
      if not exists (select 1 from legal_transition where from_state = old.state and to_state = new.state) then
        raise exception 'illegal-transition:%:%', old.state, new.state;
      end if;
      return new;
    end $$`,
  `create trigger attempt_transition before update of state on attempt
    for each row when (new.state <> old.state) execute function attempt_transition()`,
  `create trigger attempt_begin before insert on attempt
    for each row when (new.state <> 'queued') execute function attempt_transition()`,
  'create sequence fence',
];
