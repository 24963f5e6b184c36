/** The thread of a store for its test, with operations of its own; bundled by the test. */
import { type OperationContext, Refusal } from '../../../src/server/operation.ts';
import { storeThreadEntry } from '../../../src/server/storage/store-thread-entry.ts';

const operations = {
  'write-setting': async (context: OperationContext, input: { name: string; value: string }) => {
    await context.db
      .insertInto('setting')
      .values(input)
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: input.value }))
      .execute();
    context.wake('timers');
    context.count('written_total');
    return input.value;
  },
  'read-setting': async ({ db }: OperationContext, input: { name: string }) =>
    (await db.selectFrom('setting').select('value').where('name', '=', input.name).executeTakeFirst()) ?? null,
  'write-pair': async ({ db }: OperationContext, { name }: { name: string }) => {
    await db
      .insertInto('setting')
      .values({ name: `${name}.one`, value: 'pair' })
      .execute();
    await db
      .insertInto('setting')
      .values({ name: `${name}.two`, value: 'pair' })
      .execute();
  },
  refuse: () => Promise.reject(new Refusal('not_found', null, 'There is none.', { looked: 'everywhere' })),
  crash: () => {
    setImmediate(() => {
      throw new Error('a bug of the test');
    });
    return new Promise<never>(() => undefined);
  },
};

void storeThreadEntry({ operations, reads: ['read-setting'] });
