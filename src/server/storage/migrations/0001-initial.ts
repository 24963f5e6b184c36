import type { Migration } from '../migrations.ts';
import { createAccessTables } from './0001/access-tables.ts';
import { createAttemptTables } from './0001/attempt-tables.ts';
import { createLogTables } from './0001/log-tables.ts';
import { createRunTables } from './0001/run-tables.ts';
import { createTransitionGuard } from './0001/transition-guard.ts';

export const initial: Migration = {
  name: 'initial',
  async up(db, dialect) {
    await createAccessTables(db, dialect);
    await createRunTables(db, dialect);
    await createAttemptTables(db, dialect);
    await createLogTables(db);
    await createTransitionGuard(db, dialect);
  },
};
